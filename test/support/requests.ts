/**
 * Valid and invalid requests: their parsed form, or the field that an error names.
 *
 * @module
 */
import { KgentsError } from "#core/contract/error";
import { parseRequest } from "#core/contract/parse-request";
import { type ExecutionRequest, maximumCodeBytes, maximumContentBytes } from "#core/contract/request";

/** Must never appear in an error. */
export const secret = "hunter2";
const sha = "a".repeat(64);
const digest = `@sha256:${sha}`;
const kib32 = "x".repeat(32_768);
const many = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, index) => [`K${index}`, "v"]));
const files = (...names: string[]) => names.map((name) => ({ name, content: "x" }));
const withCode = (fields: object) => ({ code: "x", ...fields });
const own = (json: string): unknown => JSON.parse(json);

/** The error for an invalid request. */
export function refusalOf(input: unknown): KgentsError {
  try {
    parseRequest(input);
  } catch (error) {
    if (error instanceof KgentsError) return error;
    throw error;
  }
  throw new Error(`accepted: ${JSON.stringify(input)?.slice(0, 200)}`);
}

/** Invalid requests, each with the field that the error names and a part of its message. */
export const refused: [unknown, string, string][] = [
  // The request itself.
  [undefined, "request", "got nothing; allowed is an object"],
  [null, "request", "got null"],
  [5, "request", "got a number"],
  [`{"code":"${secret}"}`, "request", "got text of 18 bytes"],
  [[secret], "request", "got a list of 1"],
  [withCode({ args: Array.from({ length: 40 }, () => kib32) }), "request", "bytes of JSON; allowed is 1048576"],
  // Unknown fields.
  [withCode({ timeut: 3 }), "timeut", "got an unknown field; allowed is one of code, files"],
  [withCode({ timeut: 3 }), "timeut", "(did you mean timeout?)"],
  [withCode({ memroy: 3 }), "memroy", "(did you mean memory?)"],
  [withCode({ startuptimeout: 3 }), "startuptimeout", "(did you mean startupTimeout?)"],
  [withCode({ privileged: true }), "privileged", "requester, live, retry"],
  [withCode({ retry: { maxAttempts: 2 } }), "retry.maxAttempts", "maximumAttempts"],
  [withCode({ files: [{ name: "a", content: "x", mode: 1 }] }), "files.0.mode", "name, content, executable"],
  [own('{"code":"x","__proto__":{"a":1}}'), "__proto__", "an unknown field"],
  // Code.
  [{}, "code", "got nothing; allowed is code, or files with an entrypoint"],
  [{ code: "" }, "code", "got empty text; allowed is code that is not empty"],
  [{ code: 5 }, "code", "got a number; allowed is code as well-formed text"],
  [{ code: null }, "code", "got null"],
  [{ code: [secret] }, "code", "got a list of 1"],
  [{ code: "a\ud800" }, "code", "got text of 4 bytes with a lone surrogate"],
  [{ code: "\udc00\ud800" }, "code", "with a lone surrogate"],
  [{ code: { base64: "@@" } }, "code.base64", "got text of 2 bytes"],
  [{ code: { base64: 5 } }, "code", "got an object with 1 field"],
  [{ code: { base64: "", x: secret } }, "code.x", "an unknown field"],
  [{ code: { artifact: "A".repeat(64), bytes: 1 } }, "code.artifact", "64 lower-case hexadecimal digits"],
  [{ code: { artifact: sha, bytes: -1 } }, "code.bytes", "got -1; allowed is a whole number from 0 to 16777216"],
  [{ code: { artifact: sha, bytes: 1.5 } }, "code", "got an object with 2 fields"],
  [{ code: { artifact: sha, bytes: maximumCodeBytes + 1 } }, "code.bytes", "got 16777217"],
  // Files and entrypoint.
  [withCode({ files: {} }), "files", "got an object with 0 fields; allowed is at most 256 files"],
  [withCode({ files: [secret] }), "files.0", "got text of 7 bytes"],
  [withCode({ files: files(...Object.keys(many(257))) }), "files", "got a list of 257"],
  ...[
    "",
    "/etc/passwd",
    "../x",
    "a/../b",
    "a//b",
    "a/",
    "./a",
    ".",
    "a\\b",
    "a\0b",
    "a\nb",
    "\ud800",
    "ü".repeat(128),
  ].map((name): [unknown, string, string] => [
    withCode({ files: files(name) }),
    "files.0.name",
    "a relative path of at most 255",
  ]),
  [withCode({ files: [{ name: "a", content: 3 }] }), "files.0.content", "got a number"],
  [withCode({ files: [{ name: "a", content: `${secret}\ud800` }] }), "files.0.content", "with a lone surrogate"],
  [withCode({ files: [{ name: "a" }] }), "files.0.content", "got nothing"],
  [withCode({ files: [{ name: "a", content: "x", executable: "yes" }] }), "files.0.executable", 'got "yes"'],
  [withCode({ files: files("a", "a") }), "files", 'got "a" twice'],
  [withCode({ files: files("a", "a/b") }), "files", 'got "a" as a file and as a folder'],
  [{ entrypoint: "a", files: files("b") }, "entrypoint", 'got "a"; allowed is the name of one of the files'],
  [{ entrypoint: "../a", files: files("b") }, "entrypoint", "a relative path"],
  [{ code: "x", entrypoint: "a", files: files("a") }, "entrypoint", "both code and entrypoint"],
  // Language.
  [withCode({ language: "" }), "language", 'got ""'],
  [withCode({ language: "x".repeat(33) }), "language", "at most 32"],
  [withCode({ language: 3 }), "language", "got 3"],
  // Arguments, stdin, environment.
  [withCode({ args: "a b" }), "args", "got text of 3 bytes"],
  [withCode({ args: [1] }), "args.0", "got a number"],
  [withCode({ args: ["a", `${secret}\0`] }), "args.1", "got text of 8 bytes with NUL"],
  [withCode({ args: [`${secret}\ud800`] }), "args.0", "with a lone surrogate"],
  [withCode({ args: [`${kib32}x`] }), "args.0", "got text of 32769 bytes"],
  [withCode({ args: ["ü".repeat(16_385)] }), "args.0", "got text of 32770 bytes"],
  [withCode({ args: Array.from({ length: 257 }, () => "a") }), "args", "got a list of 257"],
  [withCode({ stdin: 7 }), "stdin", "got a number"],
  [withCode({ stdin: `${secret}\udfff` }), "stdin", "with a lone surrogate"],
  [withCode({ stdin: { artifact: sha, bytes: maximumContentBytes + 1 } }), "stdin.bytes", "got 268435457"],
  [withCode({ env: [secret] }), "env", "got a list of 1"],
  [withCode({ env: `A=${secret}` }), "env", "got text of 9 bytes"],
  [withCode({ env: { A: 12_345 } }), "env.A", "got a number"],
  [withCode({ env: { A: `${secret}\0` } }), "env.A", "got text of 8 bytes with NUL"],
  [withCode({ env: { A: `${secret}\ud800` } }), "env.A", "with a lone surrogate"],
  [withCode({ env: { A: `${kib32}x` } }), "env.A", "got text of 32769 bytes"],
  [withCode({ env: { "1A": secret } }), "env.1A", 'got the name "1A"'],
  [withCode({ env: { "A-B": secret } }), "env.A-B", 'got the name "A-B"'],
  [withCode({ env: { "": secret } }), "env.", 'got the name ""'],
  [withCode({ env: { [`A=${secret}`]: "" } }), "env.A=...", 'got the name "A=..."'],
  [withCode({ env: many(129) }), "env", "got an object with 129 fields"],
  [own(`{"code":"x","env":{"__proto__":"${secret}"}}`), "env.__proto__", 'got the name "__proto__"'],
  // Time.
  ...[
    -20,
    "-20",
    0,
    0.09,
    "99ms",
    86_401,
    "24h1s",
    "25h",
    "",
    "soon",
    "1e3",
    Number.NaN,
    Number.POSITIVE_INFINITY,
    true,
    null,
  ].map((timeout): [unknown, string, string] => [
    withCode({ timeout }),
    "timeout",
    "allowed is a duration from 0.1 s to 24 h",
  ]),
  [withCode({ timeout: -20 }), "timeout", "timeout: got -20; allowed is"],
  [withCode({ timeout: "soon" }), "timeout", 'timeout: got "soon"; allowed is'],
  [withCode({ timeout: 10n }), "timeout", "got 10"],
  [withCode({ timeout: {} }), "timeout", "got an object with 0 fields"],
  ...[0.9, "999ms", 3601, "2h"].map((startupTimeout): [unknown, string, string] => [
    withCode({ startupTimeout }),
    "startupTimeout",
    "a duration from 1 s to 1 h",
  ]),
  ...[-1, "-1s", 604_801, "8d"].map((ttl): [unknown, string, string] => [withCode({ ttl }), "ttl", "from 0 to 7 days"]),
  // Quantities.
  ...["9m", 0.009, "256001m", 257, "-1", "1Mi", "", "0.5m", "one", [1]].map((cpu): [unknown, string, string] => [
    withCode({ cpu }),
    "cpu",
    "a quantity from 10m to 256 cores",
  ]),
  ...["16383Ki", 1024, "1025Gi", "2Ti", "-1Mi", "128MB", "128mi", "", {}].map((memory): [unknown, string, string] => [
    withCode({ memory }),
    "memory",
    "a quantity from 16Mi to 1Ti",
  ]),
  ...["1023Ki", 0, "1025Gi", "x"].map((disk): [unknown, string, string] => [
    withCode({ disk }),
    "disk",
    "from 1Mi to 1Ti",
  ]),
  // Choices.
  [withCode({ network: "yes" }), "network", 'got "yes"; allowed is true or false'],
  [withCode({ network: 1 }), "network", "got 1"],
  [withCode({ fallback: null }), "fallback", "got null"],
  [withCode({ backend: "docker" }), "backend", 'got "docker"; allowed is auto, kubernetes or subprocess'],
  [withCode({ live: true }), "live", "got true; allowed is none or heartbeat"],
  // Image.
  ...["python", "python:latest", `python:latest${digest}`, "Python:3", "a b:1", "", "python:", "../x:1", "x:1\n"].map(
    (image): [unknown, string, string] => [withCode({ image }), "image", "with a tag or digest, not `latest`"],
  ),
  // Outputs.
  ...["", "../*", "/etc/*", "a\0"].map((glob): [unknown, string, string] => [
    withCode({ outputs: [glob] }),
    "outputs.0",
    "at most 64 globs",
  ]),
  [withCode({ outputs: Array.from({ length: 65 }, () => "*") }), "outputs", "got a list of 65"],
  [withCode({ outputs: "*" }), "outputs", 'got "*"'],
  // Labels, requester, retry.
  ...["", "-a", "a-", "a b", "a\0", "x".repeat(64), "a/b/c", "A.com/x", "ü"].map((key): [unknown, string, string] => [
    withCode({ labels: { [key]: "v" } }),
    `labels.${JSON.stringify(key).slice(1, -1)}`,
    "got the name",
  ]),
  ...["kgents.io/network", "sub.kgents.io/x", "kubernetes.io/x", "batch.kubernetes.io/job-name", "k8s.io/a"].map(
    (key): [unknown, string, string] => [withCode({ labels: { [key]: "v" } }), `labels.${key}`, "not in kgents.io"],
  ),
  ...["-", "a b", "a\0", "x".repeat(64), 3].map((value): [unknown, string, string] => [
    withCode({ labels: { a: value } }),
    "labels.a",
    "at most 32 labels",
  ]),
  [withCode({ labels: many(33) }), "labels", "got an object with 33 fields"],
  ...["", "x".repeat(129), "a\0", "é", 3].map((requester): [unknown, string, string] => [
    withCode({ requester }),
    "requester",
    "1 to 128 printable ASCII characters",
  ]),
  ...[0, 11, 1.5, "2"].map((maximumAttempts): [unknown, string, string] => [
    withCode({ retry: { maximumAttempts } }),
    "retry.maximumAttempts",
    "a whole number from 1 to 10",
  ]),
  [withCode({ retry: 3 }), "retry", "got 3; allowed is { maximumAttempts: 1 to 10 }"],
];

/** Valid requests, each with the parsed form of one field. */
export const accepted: [ExecutionRequest, object][] = [
  [{ code: "-" }, { code: "-" }],
  [{ code: "a\0b" }, { code: "a\0b" }],
  [{ code: " " }, { code: " " }],
  [{ code: "😀\u2028" }, { code: "😀\u2028" }],
  [{ code: { base64: "/w==" } }, { code: { base64: "/w==" } }],
  [{ code: { artifact: sha, bytes: maximumCodeBytes } }, { code: { artifact: sha, bytes: maximumCodeBytes } }],
  [{ entrypoint: "a/b", files: files("a/b") }, { entrypoint: "a/b" }],
  [withCode({ files: files("a/b", "a/c", "x".repeat(255)) }), {}],
  [withCode({ args: [kib32, "", "$(x)"] }), { args: [kib32, "", "$(x)"] }],
  [withCode({ args: Array.from({ length: 256 }, () => "") }), {}],
  [withCode({ stdin: "" }), { stdin: "" }],
  [withCode({ stdin: "a\0" }), { stdin: "a\0" }],
  [withCode({ env: { _: "", A1: kib32 } }), { env: { _: "", A1: kib32 } }],
  [withCode({ env: many(128) }), {}],
  [withCode({ timeout: 0.1 }), { timeout: 100 }],
  [withCode({ timeout: "24h" }), { timeout: 86_400_000 }],
  [withCode({ timeout: "1.5s" }), { timeout: 1500 }],
  [withCode({ startupTimeout: 1 }), { startupTimeout: 1000 }],
  [withCode({ startupTimeout: "1h" }), { startupTimeout: 3_600_000 }],
  [withCode({ ttl: 0 }), { ttl: 0 }],
  [withCode({ ttl: "7d" }), { ttl: 604_800_000 }],
  [withCode({ cpu: "10m" }), { cpu: 10 }],
  [withCode({ cpu: 256 }), { cpu: 256_000 }],
  [withCode({ cpu: 0.29 }), { cpu: 290 }],
  [withCode({ memory: "16Mi" }), { memory: 16 * 2 ** 20 }],
  [withCode({ memory: "1Ti" }), { memory: 2 ** 40 }],
  [withCode({ disk: "1Mi" }), { disk: 2 ** 20 }],
  [withCode({ disk: 2 ** 40 }), { disk: 2 ** 40 }],
  [withCode({ image: "python:3.13-slim" }), { image: "python:3.13-slim" }],
  [withCode({ image: `registry.example.com:5000/a/b_c${digest}` }), {}],
  [withCode({ image: "localhost:5000/a:1" }), {}],
  [withCode({ outputs: ["out/**/*.png"] }), { outputs: ["out/**/*.png"] }],
  [withCode({ labels: { "example.com/a": "", b: "x".repeat(63) } }), {}],
  [withCode({ labels: { "notkgents.io/x": "v" } }), {}],
  [withCode({ labels: many(32) }), {}],
  [withCode({ requester: "x".repeat(128) }), {}],
  [withCode({ retry: {} }), { retry: { maximumAttempts: 1 } }],
  [withCode({ retry: { maximumAttempts: 10 } }), { retry: { maximumAttempts: 10 } }],
];

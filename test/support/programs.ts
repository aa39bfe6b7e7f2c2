/**
 * Programs of every kind with their expected results, which are the same on every backend.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { expect } from "vitest";
import type { ExecutionRequest } from "#core/contract/request";
import { patternOf, type RunAnswer } from "./run-on-provider.ts";

/** A stream too long to be written out here. */
interface Digest {
  readonly bytes: number;
  readonly sha256: string;
}

interface Expected {
  /** @default 0 */
  readonly code?: number;
  /** @default null */
  readonly signal?: string | null;
  readonly stdout?: string | RegExp | Uint8Array | Digest;
  readonly stderr?: string | RegExp | Uint8Array | Digest;
  /** All output files. @default none */
  readonly files?: Record<string, string>;
  /** Whether files were refused. @default not checked */
  readonly omitted?: boolean;
}

export interface Program extends Expected {
  readonly name: string;
  readonly request: ExecutionRequest;
  /** The differences that are unavoidable in a pod. */
  readonly inPod?: Expected & { readonly why: string };
}

function digestOf(chunks: Iterable<Uint8Array | string>): Digest {
  const hash = createHash("sha256");
  let bytes = 0;
  for (const chunk of chunks) {
    bytes += chunk.length;
    hash.update(chunk);
  }
  return { bytes, sha256: hash.digest("hex") };
}

/** What `seq FIRST | head -c BYTES` prints. */
function numbersFrom(first: number, bytes: number): Digest {
  const chunks: string[] = [];
  for (let [next, left] = [first, bytes]; left > 0; next += 10_000) {
    const lines = Array.from({ length: 10_000 }, (_, index) => `${next + index}\n`);
    const chunk = lines.join("").slice(0, left);
    left -= chunk.length;
    chunks.push(chunk);
  }
  return digestOf(chunks);
}

export const sh = (code: string, more: Partial<ExecutionRequest> = {}): ExecutionRequest => ({
  code,
  language: "sh",
  ...more,
});
const odd = `a'b "c" $(HOME) $$ \`id\` \\ \n second\tline ${"\u00e9"}`;

/** Names that scripts often mishandle. Long and non-ASCII names need a newer format than the oldest tar. */
const oddNames = ["a b", "it's", "*", "$(HOME)", "-rf", "ünï漢😀", "y".repeat(200)];

export const programs: readonly Program[] = [
  { name: "success", request: sh("echo hi"), stdout: "hi\n", stderr: "" },
  { name: "exit code 3", request: sh("exit 3"), code: 3 },
  { name: "exit code 255", request: sh("exit 255"), code: 255 },
  { name: "exit code 137 is no signal", request: sh("exit 137"), code: 137, signal: null },
  { name: "SIGKILL", request: sh("kill -9 $$"), code: 137, signal: "SIGKILL" },
  { name: "SIGTERM to itself", request: sh("kill -TERM $$"), code: 143, signal: "SIGTERM" },
  { name: "SIGINT to itself", request: sh("kill -INT $$"), code: 130, signal: "SIGINT" },
  { name: "SIGSEGV", request: { code: "import os\nos.kill(os.getpid(), 11)" }, code: 139, signal: "SIGSEGV" },
  { name: "SIGABRT", request: { code: "import os\nos.abort()" }, code: 134, signal: "SIGABRT" },
  { name: "a signal with stdin", request: sh("kill -9 $$", { stdin: "x" }), code: 137, signal: "SIGKILL" },
  { name: "python's SystemExit", request: { code: "raise SystemExit('bye')" }, code: 1, stderr: "bye\n" },
  { name: "both streams", request: sh("echo out; echo err >&2"), stdout: "out\n", stderr: "err\n" },
  { name: "bash", request: { code: "a=(1 2); echo $((a[1]))", language: "bash" }, stdout: "2\n" },
  { name: "javascript", request: { code: "console.log([1, 2].at(-1))", language: "js" }, stdout: "2\n", stderr: "" },
  {
    name: "javascript as CommonJS",
    request: { code: 'console.log(typeof require("os").cpus, typeof module)', language: "js", cpu: 1 },
    stdout: "function object\n",
    stderr: "",
  },
  {
    name: "javascript as a module that awaits",
    request: { code: 'import os from "node:os";\nconsole.log(typeof os.cpus, await 7)', language: "js", cpu: 1 },
    stdout: "function 7\n",
    stderr: "",
  },
  {
    name: "typescript with an enum, a namespace and a parameter property",
    request: {
      code: [
        "enum Colour { Red, Green }",
        "namespace Numbers { export const seven: number = 7 }",
        "class Named { constructor(private readonly name: string) {} get() { return this.name } }",
        'console.log(Colour.Green, Numbers.seven, new Named("n").get());',
      ].join("\n"),
      language: "typescript",
      memory: "512Mi",
      cpu: 1,
    },
    stdout: "1 7 n\n",
    stderr: "",
  },
  {
    name: "typescript, and a worker thread",
    request: {
      code: 'import { Worker } from "node:worker_threads";\nconst n: number = 7;\nnew Worker("console.log(" + n + ")", { eval: true });',
      language: "typescript",
      memory: "512Mi",
      cpu: 1,
    },
    stdout: "7\n",
    stderr: "",
  },
  { name: "stdin", request: sh("cat", { stdin: "line\nwithout end" }), stdout: "line\nwithout end" },
  { name: "no stdin is end of file", request: sh("cat; echo done"), stdout: "done\n" },
  { name: "empty stdin", request: sh("cat; echo done", { stdin: "" }), stdout: "done\n" },
  { name: "stdin that is not read", request: sh("exit 4", { stdin: "x".repeat(900_000) }), code: 4 },
  { name: "binary stdin", request: sh("od -An -tx1", { stdin: { base64: "AP8Ngg==" } }), stdout: " 00 ff 0d 82\n" },
  {
    name: "/dev/stdin by name",
    request: sh("cat /dev/stdin; sleep 0.1; cat /dev/stdin", { stdin: "x" }),
    stdout: "x",
    inPod: { why: "stdin is a file there, which begins anew where it is opened by name", stdout: "xx" },
  },
  { name: "late /dev/stdin", request: sh("sleep 0.3; cat /dev/stdin", { stdin: "late" }), stdout: "late" },
  {
    name: "/dev/stdout and /dev/stderr by name",
    request: sh("echo a >/dev/stdout; echo b >/dev/stderr; echo c >>/proc/self/fd/1"),
    stdout: "a\nc\n",
    stderr: "b\n",
  },
  {
    name: "binary output",
    request: sh("printf '\\000\\377\\n'"),
    stdout: Uint8Array.of(0, 255, 10),
  },
  {
    name: "streams apart, byte for byte",
    request: sh("printf 'a\\000\\377\\376'; printf 'b\\000\\200\\r\\n' >&2; printf 'c'"),
    stdout: Uint8Array.of(97, 0, 255, 254, 99),
    stderr: Uint8Array.of(98, 0, 128, 13, 10),
  },
  {
    name: "code that nearly fills a request",
    request: sh(`# ${"x".repeat(2 ** 20 - 1024)}\necho end`),
    stdout: "end\n",
  },
  {
    name: "an input file from the store",
    request: {
      language: "sh",
      entrypoint: "run.sh",
      files: [
        { name: "run.sh", content: "wc -c <big" },
        { name: "big", content: { artifact: "1".repeat(64), bytes: 3_000_000 } },
      ],
    },
    stdout: "3000000\n",
  },
  {
    name: "references like Kubernetes' own",
    request: sh("cat <<'X'\n$(VAR) $$(VAR) $$ $$$$\nX\necho $((1 + 1)) $(echo two)", { env: { VAR: "no" } }),
    stdout: "$(VAR) $$(VAR) $$ $$$$\n2 two\n",
  },
  {
    name: "60 MiB on both streams",
    request: sh(`seq 1 9000000 | head -c ${60 * 2 ** 20} & seq 2 9000000 | head -c ${60 * 2 ** 20} >&2; wait`, {
      cpu: 2,
      timeout: 60,
    }),
    stdout: numbersFrom(1, 60 * 2 ** 20),
    stderr: numbersFrom(2, 60 * 2 ** 20),
  },
  {
    name: "50 MB of binary stdin",
    request: sh("cat", { stdin: { artifact: "0".repeat(64), bytes: 50_000_000 }, cpu: 2, timeout: 60 }),
    stdout: digestOf(patternOf(50_000_000)),
  },
  {
    name: "arguments",
    request: { code: "import sys\nprint(repr(sys.argv[1:]))", args: [odd, "", "--flag", "$(HOME)"] },
    stdout: /^\['a\\'b "c" \$\(HOME\) \$\$ `id` \\\\ \\n second\\tline é', '', '--flag', '\$\(HOME\)'\]\n$/,
  },
  {
    name: "environment",
    request: {
      code: "import os\nfor n in ('A', 'IFS', 'PWD', 'OPTIND', 'UID', 'BASH_ENV'): print(repr(os.environ[n]))",
      env: { A: odd, IFS: "x", PWD: "/", OPTIND: "z", UID: "5", BASH_ENV: "/e" },
    },
    stdout: /^'a\\'b "c".*'\n'x'\n'\/'\n'z'\n'5'\n'\/e'\n$/,
  },
  {
    name: "what a Python child has printed before it ends without flushing",
    request: {
      code: "import subprocess\nsubprocess.run(['python3', 'p.py'])",
      files: [{ name: "p.py", content: "import os\nprint('line')\nos._exit(0)\n" }],
    },
    stdout: "line\n",
  },
  {
    name: "nothing else in the environment",
    request: sh("env | sed 's/=.*//' | sort | tr '\\n' ' '"),
    stdout: /^HOME LANG PATH PWD PYTHONDONTWRITEBYTECODE PYTHONUNBUFFERED TMPDIR USER (_ )?$/,
    inPod: {
      why: "busybox's shell adds its depth",
      stdout: "HOME LANG PATH PWD PYTHONDONTWRITEBYTECODE PYTHONUNBUFFERED SHLVL TMPDIR USER ",
    },
  },
  {
    name: "input files and an entrypoint",
    request: {
      files: [
        { name: "lib/greet.py", content: "def greet(): print('hello')" },
        { name: "main.py", content: "from lib.greet import greet\ngreet()" },
        { name: "run it's.sh", content: "#!/bin/sh\necho ran", executable: true },
      ],
      entrypoint: "main.py",
    },
    stdout: "hello\n",
  },
  {
    name: "as many input files as can be, with names as long as can be",
    request: {
      code: "import os\nprint(sum(len(files) for _, _, files in os.walk('.')), len(open(max(os.listdir('.'), key=len)).read()))",
      files: [
        ...Array.from({ length: 255 }, (_, index) => ({ name: `d/${index % 7}/${index}`, content: String(index) })),
        { name: "x".repeat(255), content: "long" },
      ],
    },
    stdout: "257 4\n",
  },
  {
    name: "input files with names of every kind",
    request: sh("find . -type f ! -name main.sh | sort; cat ./*/*", {
      files: oddNames.map((name) => ({ name: `${name}/x`, content: `<${name}>` })),
    }),
    stdout: new RegExp(`^${oddNames.map(() => "\\./.*/x\n").join("")}${"<[^>]*>".repeat(oddNames.length)}$`),
  },
  {
    name: "executable input",
    request: sh("./x.sh", { files: [{ name: "x.sh", content: "#!/bin/sh\necho ran", executable: true }] }),
    stdout: "ran\n",
  },
  {
    name: "a file named like the code does not replace it",
    request: sh("echo code", { files: [{ name: "main.sh", content: "echo file" }] }),
    stdout: "code\n",
  },
  { name: "code can remove itself", request: sh("rm main.sh && ls -A"), stdout: "" },
  {
    name: "NUL in code",
    request: { code: { base64: Buffer.from("console.log('a\0b'.length)").toString("base64") }, language: "js" },
    stdout: "3\n",
  },
  { name: "code above 128 KiB", request: sh(`# ${"x".repeat(300_000)}\necho end`), stdout: "end\n" },
  {
    name: "a name for the user",
    request: {
      code: "import getpass, os, pwd\nprint(pwd.getpwuid(os.getuid()).pw_name, os.getcwd(), os.environ['HOME'])",
    },
    stdout: "kgents /work /work\n",
  },
  {
    name: "a daemon that holds stdout delays nothing",
    request: sh("setsid sleep 600 & echo started", { timeout: 5 }),
    stdout: "started\n",
  },
  { name: "kill -9 -1", request: sh("sleep 600 & kill -9 -1; echo alive"), stdout: "alive\n" },
  { name: "killing the parent does nothing", request: sh("kill -9 1; kill -9 $PPID; echo alive"), stdout: "alive\n" },
  {
    name: "zombies",
    request: sh("i=0; while [ $i -lt 300 ]; do (: &); i=$((i+1)); done; echo done", { cpu: 1 }),
    stdout: "done\n",
  },
  {
    name: "output files",
    request: sh("mkdir -p out/deep; echo a >out/a.txt; echo b >out/deep/b.txt; echo c >c.txt", {
      outputs: ["out/**/*.txt"],
    }),
    files: { "out/a.txt": "a\n", "out/deep/b.txt": "b\n" },
  },
  {
    name: "one output file by name, and not the code",
    request: sh("echo c >c.sh", { outputs: ["*.sh", "none"] }),
    files: { "c.sh": "c\n" },
  },
  {
    name: "hidden output files come by a glob with the dot, empty and unreadable ones as they are",
    request: sh("mkdir .h; echo a >.h/a; echo b >.b; : >empty; echo c >closed; chmod 0 closed", {
      outputs: ["*", ".b", ".h/*"],
    }),
    files: { ".h/a": "a\n", ".b": "b\n", empty: "", closed: "c\n" },
  },
  {
    name: "output files with names of every kind",
    request: sh(
      'for n in "a b" "it\'s" "*" ünï.txt "$(seq -s / 1 60)" -rf; do mkdir -p -- "./$n.d"; echo "$n" >"./$n.d/x"; done',
      {
        outputs: ["**"],
      },
    ),
    files: Object.fromEntries(
      ["a b", "it's", "*", "ünï.txt", Array.from({ length: 60 }, (_, index) => index + 1).join("/"), "-rf"].map(
        (name) => [`${name}.d/x`, `${name}\n`],
      ),
    ),
  },
  {
    name: "output files of code that failed",
    request: sh("echo c >c.txt; exit 9", { outputs: ["c.txt"] }),
    code: 9,
    files: { "c.txt": "c\n" },
  },
];

function checkStream(came: Buffer, expected: Expected["stdout"]): void {
  if (expected === undefined) return;
  if (expected instanceof RegExp) expect(came.toString()).toMatch(expected);
  else if (typeof expected === "string") expect(came.toString()).toBe(expected);
  else if (expected instanceof Uint8Array) expect([...came]).toEqual([...expected]);
  else expect({ bytes: came.length, sha256: createHash("sha256").update(came).digest("hex") }).toEqual(expected);
}

/** Compares an answer with the expected one. */
export function checkAnswer({ error, outcome, stdout, stderr, files }: RunAnswer, expected: Expected): void {
  const { code = 0, signal = null } = expected;
  const said = [stdout, stderr].map((stream) => stream.subarray(0, 2000).toString());
  expect({ error, exit: outcome?.exit, lost: outcome?.lost, said }).toMatchObject({
    error: null,
    exit: { code, signal },
    lost: null,
  });
  checkStream(stdout, expected.stdout);
  checkStream(stderr, expected.stderr);
  const came = Object.fromEntries(Object.entries(files).map(([name, content]) => [name, content.toString()]));
  expect(came).toEqual(expected.files ?? {});
  if (expected.omitted !== undefined) expect((outcome?.filesOmitted.length ?? 0) > 0).toBe(expected.omitted);
}

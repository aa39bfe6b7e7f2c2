import { describe, expect, it } from "vitest";
import { npmFailure } from "#cells/packages/npm-failure";
import { npmLockOf } from "#cells/packages/npm-lock";
import { lockOf } from "#cells/packages/python-lock";
import { type KeptTree, removableTrees } from "#cells/packages/removal";
import { type KeptResolution, resolutionsToRemove } from "#cells/packages/resolutions";
import { runtimeOf } from "#cells/packages/runtime";
import { isAtLeast } from "#cells/packages/tool-version";
import { uvFailure } from "#cells/packages/uv-failure";
import { ecosystemOf } from "#core/packages/environment";
import { inlineBlockOf } from "#core/packages/inline-block";
import { parseNpmSpec } from "#core/packages/npm-spec";
import { applyPackagePolicy } from "#core/packages/policy";
import { pythonPackageOf } from "#core/packages/python-requirement";
import { meetsPython } from "#core/packages/python-version";
import { readRequirements } from "#core/packages/requirements-file";

describe("requirements of Python", () => {
  it.each([
    ["numpy", "numpy"],
    ["Zope.Interface", "zope-interface"],
    ["pandas[excel, plot]>=2,<3", "pandas"],
    ["six == 1.16.*", "six"],
    ["torch==2.3.1+cpu", "torch"],
    ["requests (>=2.8)", "requests"],
    ["tomli>=2; python_version < '3.11' and sys_platform == 'linux'", "tomli"],
  ])("%s is %s", (requirement, name) => expect(pythonPackageOf(requirement)).toBe(name));

  it.each([
    ...["", "-e .", "--index-url=http://x", "-r other.txt", ".", "./six", "/tmp/six", "six @ https://x/six.whl"],
    ...[
      "git+https://x/y.git",
      "https://x/six.whl",
      "six.whl; print",
      "six\nnumpy",
      "six --hash=sha256:0",
      "a b",
      "six>=",
      "_six",
    ],
    ...["numpy; python_version < '3' \n-e .", "n".repeat(201), "six @ file:///etc/passwd", "six;\\"],
  ])("%j is none", (text) => expect(pythonPackageOf(text)).toBeUndefined());
});

describe("packages of npm", () => {
  it.each([
    ["lodash", { name: "lodash", range: "latest" }],
    ["zod@^4", { name: "zod", range: "^4" }],
    ["@types/node@>=20 <24 || 26", { name: "@types/node", range: ">=20 <24 || 26" }],
    ["is-odd@next", { name: "is-odd", range: "next" }],
  ])("%s", (spec, parsed) => expect(parseNpmSpec(spec)).toEqual(parsed));

  it.each([
    ...[
      "",
      "a/b",
      "user/repo",
      "github:a/b",
      "git+ssh://x/y",
      "file:../x",
      "../x",
      "x@file:..",
      "x@npm:y@1",
      "https://x/y.tgz",
    ],
    ...["x@https://x", "Upper", "-g", "--registry=x", "x y", "x@1\n", "@scope", "x@workspace:*", "."],
  ])("%j is none", (text) => expect(parseNpmSpec(text)).toBeUndefined());
});

describe("the block of a script", () => {
  it.each<[name: string, code: string, toml: string | undefined]>([
    ["no block", "print(1)", undefined],
    [
      "a block",
      '#!/usr/bin/env python3\n# /// script\n# dependencies = ["six"]\n#\n# ///\nimport six',
      'dependencies = ["six"]\n',
    ],
    ["line ends of Windows", '# /// script\r\n# dependencies = ["six"]\r\n# ///\r\n', 'dependencies = ["six"]'],
    ["a block of another type", "# /// other\n# x = 1\n# ///\n", undefined],
    ["another type before it", "# /// other\n# x = 1\n# ///\n\n# /// script\n# y = 2\n# ///", "y = 2"],
    ["a block that is not closed", "# /// script\n# dependencies = []\nprint(1)", undefined],
    ["an end within it", "# /// script\n# a = '''\n# ///\n# '''\n# ///\n", "a = '''\n///\n'''"],
    ["an empty block", "# /// script\n# ///\n", ""],
  ])("%s", (_name, code, toml) => expect(inlineBlockOf(code)).toBe(toml));

  it("is refused twice", () => {
    const block = "# /// script\n# x = 1\n# ///\n";
    expect(() => inlineBlockOf(`${block}\n${block}`)).toThrow(RangeError);
  });

  it("takes time in proportion to the code", () => {
    const began = performance.now();
    expect(inlineBlockOf("# /// script\n".repeat(1_000_000))).toBeUndefined();
    expect(performance.now() - began).toBeLessThan(10_000);
  });
});

describe("a file of requirements", () => {
  it("names packages, with comments, continued lines and hashes", () => {
    const text =
      "\uFEFF# what we need\nsix>=1 # old\n\nnumpy \\\n  --hash=sha256:00 \\\n  --hash=sha256:11\r\npandas[excel]\n";
    expect(readRequirements(text)).toEqual(["six>=1", "numpy", "pandas[excel]"]);
  });

  it.each([
    ["six\n-r more.txt\n", 2],
    ["--index-url https://x\n", 1],
    ["six\n\nfoo @ https://x/foo.whl\n", 3],
  ])("has nothing else: %j", (text, line) => expect(readRequirements(text)).toMatchObject({ line }));
});

it.each([
  ["3.13.1", ">=3.11", true],
  ["3.13.1", ">=3.11,<3.13", false],
  ["3.13.1", "==3.13.*", true],
  ["3.13.1", "~=3.11", true],
  ["3.13.1", "~=3.12.0", false],
  ["3.13.1", "!=3.13.1", false],
  ["3.13.1", "", true],
  ["3.13.1", "3.13", undefined],
  ["3.13.1", ">3.*", undefined],
])("Python %s meets %j: %s", (version, conditions, answer) => expect(meetsPython(version, conditions)).toBe(answer));

it.each([
  [["python3", "-u"], "python"],
  [["/usr/bin/python3.12"], "python"],
  [["node"], "npm"],
  [["ruby"], null],
])("the packages of %j are those of %s", (command, ecosystem) => expect(ecosystemOf(command)).toBe(ecosystem));

describe("the worker's policy", () => {
  const wanted = { ecosystem: "python", requirements: ["Scikit_Learn>=1", "numpy"] } as const;
  it.each([
    [{ allow: true }, undefined],
    [{ allow: true, names: ["scikit-learn", "num*"] }, undefined],
    [
      { allow: true, names: ["scikit-learn"] },
      'packages.python: got "numpy"; allowed is one of scikit-learn on this worker',
    ],
    [{ allow: true, names: [] }, 'packages.python: got "Scikit_Learn>=1"; allowed is none on this worker'],
    [{ allow: false }, 'packages.python: got "Scikit_Learn>=1"; allowed is no packages on this worker'],
  ])("%j", (policy, message) => {
    const apply = (): void => applyPackagePolicy(wanted, policy);
    if (message === undefined) expect(apply).not.toThrow();
    else expect(apply).toThrow(expect.objectContaining({ code: "policy-violation", message }));
  });
});

describe("the answer of an interpreter", () => {
  const answer = (changes: object): string =>
    JSON.stringify({ name: "cpython", version: "3.13.1", machine: "x86_64", libc: "glibc 2.36", ...changes });
  it.each([
    ["python", answer({}), "x86_64-manylinux_2_36"],
    ["python", answer({ machine: "aarch64", libc: "glibc 2.99" }), "aarch64-manylinux_2_40"],
    ["python", answer({ libc: "glibc 2.30" }), "x86_64-manylinux_2_28"],
    ["python", answer({ libc: "" }), "x86_64-unknown-linux-musl"],
    ["npm", answer({ name: "node", machine: "x64", libc: "glibc" }), "linux-x64-glibc"],
    ["npm", answer({ name: "node", machine: "arm64", libc: "" }), "linux-arm64-musl"],
  ] as const)("%s %s is %s", (ecosystem, said, platform) =>
    expect(runtimeOf(ecosystem, said)).toEqual({ ecosystem, version: "3.13.1", platform }),
  );

  it.each([
    ["python", answer({ name: "pypy" })],
    ["python", answer({ name: "cpythont" })],
    ["python", answer({ libc: "glibc 2.5" })],
    ["python", answer({ machine: "32 bit" })],
    ["python", answer({ version: "3.13.1 --index http://x" })],
    ["npm", answer({})],
    ["python", "hello"],
  ] as const)("%s %s has no packages", (ecosystem, said) =>
    expect(() => runtimeOf(ecosystem, said)).toThrow(expect.objectContaining({ code: "package-wheel-missing" })),
  );
});

const because = (what: string): string =>
  `error: No solution found when resolving dependencies\n  cause: Because ${what}, we can conclude that your requirements are unsatisfiable.\n`;

it.each([
  [because("nosuch was not found in the package registry and you require nosuch"), "package-not-found"],
  [because("there is no version of numpy==1.0.0 and you require numpy==1.0.0"), "package-not-found"],
  [because("only numpy<=2.5.5 is available and you require numpy>=99"), "package-not-found"],
  [
    `${because("all versions of docopt have no usable wheels and you require docopt")}\nhint: Wheels are required for \`docopt\` because building from source is disabled`,
    "package-wheel-missing",
  ],
  [
    because(
      "pandas==2.2.0 depends on numpy>=1.23.2,<2 and you require pandas==2.2.0, we can conclude that you require numpy>=1.23.2,<2.\n  And because you require numpy<1.20",
    ),
    "package-conflict",
  ],
  [
    "error: Request failed after 3 retries\n  cause: error sending request for url (http://127.0.0.1:1/simple/numpy/)",
    "package-index-unavailable",
  ],
  [
    "error: No solution found when resolving dependencies\n  cause: you require six==1.15.0 and six==1.16.0, which are incompatible",
    "package-conflict",
  ],
  ["error: something else", "package-install"],
  ["", "package-install"],
])("uv says %j", (stderr, code) => expect(uvFailure(stderr).code).toBe(code));

it.each([
  [{ code: "E404", summary: "Not Found - GET https://x/nosuch" }, "package-not-found"],
  [{ code: "ETARGET", summary: "No matching version found for zod@^99." }, "package-not-found"],
  [
    { code: "ERESOLVE", summary: "unable to resolve dependency tree", detail: "Found: react@17\n\nFix the upstream" },
    "package-conflict",
  ],
  [{ code: "ECONNREFUSED", summary: "request to http://127.0.0.1:1/x failed" }, "package-index-unavailable"],
  [{ code: "E503", summary: "503" }, "package-index-unavailable"],
  [{ code: "EWHAT", summary: "?" }, "package-install"],
])("npm says %j", (error, code) => expect(npmFailure(JSON.stringify({ error }), "").code).toBe(code));

describe("locks", () => {
  const hash = "ab".repeat(32);
  it("name each package with its wheels' hashes", () => {
    const wheels = `[{ url = "https://x/six.whl", size = 10, hashes = { sha256 = "${hash}" } }]`;
    const pylock = `[[packages]]\nname = "six"\nversion = "1.16.0"\nwheels = ${wheels}\n`;
    expect(lockOf(pylock)).toEqual({ text: `six==1.16.0 --hash=sha256:${hash}\n`, downloadBytes: 10 });
    expect(lockOf('lock-version = "1.0"')).toEqual({ text: "", downloadBytes: 0 });
    expect(() => lockOf('[[packages]]\nname = "six"\nversion = "1"\n')).toThrow(/six 1/);
  });

  it("hold no addresses of npm, and nothing that is not from its registry", () => {
    const root = { dependencies: { a: "1" } };
    const packages = { "": root, "node_modules/a": { version: "1.0.0", integrity: "sha512-x", license: "MIT" } };
    const lock = JSON.parse(npmLockOf(JSON.stringify({ lockfileVersion: 3, packages })));
    expect(lock.packages).toEqual({ "": root, "node_modules/a": { version: "1.0.0", integrity: "sha512-x" } });
    for (const fault of [{ resolved: "git+ssh://x" }, { link: true }, { integrity: undefined }]) {
      const other = { ...packages, "node_modules/b": { version: "1.0.0", integrity: "sha512-x", ...fault } };
      expect(() => npmLockOf(JSON.stringify({ lockfileVersion: 3, packages: other }))).toThrow(/^b: /);
    }
  });
});

it("the tree that was not used for the longest time goes first, and none that was used just now", () => {
  const now = 10_000_000;
  const tree = (hash: string, usedAt: number): KeptTree => ({ hash, bytes: 1, usedAt });
  // What was just used may be about to be mounted.
  const trees = [tree("new", now - 700_000), tree("old", 0), tree("older", -1), tree("fresh", now)];
  expect(removableTrees(trees, now).map(({ hash }) => hash)).toEqual(["older", "old", "new"]);
});

it("resolutions go when they are old, and the oldest when they are too many", () => {
  const day = 86_400_000;
  const now = 100 * day;
  const kept = (path: string, days: number, bytes = 1): KeptResolution => ({
    path,
    bytes,
    writtenAt: now - days * day,
  });
  const removed = (...all: KeptResolution[]): string[] => resolutionsToRemove(all, now).map(({ path }) => path);
  expect(removed(kept("month", 31), kept("week", 7), kept("new", 0))).toEqual(["month"]);
  const large = 30 * 1024 * 1024;
  expect(removed(kept("c", 3, large), kept("a", 1, large), kept("b", 2, large))).toEqual(["c"]);
  const many = Array.from({ length: 20_000 }, (_, index) => kept(`${index}`, index / 1000));
  expect(removed(...many)).toHaveLength(20_000 - 16_384);
});

it.each([
  ["0.13.9", "0.13.9", true],
  ["0.13.10", "0.13.9", true],
  ["0.13.8", "0.13.9", false],
  ["0.9.30", "0.13.9", false],
  ["1.0.0", "0.13.9", true],
  ["10.9.4", "11.14.0", false],
  ["11.14.0", "11.14.0", true],
])("%s is at least %s: %s", (version, least, answer) => expect(isAtLeast(version, least)).toBe(answer));

/** What programs of every kind see and give back, in both modes. */
import { afterAll, describe, expect, test } from "vitest";
import type { ExecutionRequest } from "../../core/request.ts";
import { cellsIn, groupsOf } from "./helpers/leftovers.ts";
import { everyone, startWorker } from "./helpers/worker.ts";

interface Case {
  readonly name: string;
  readonly request: ExecutionRequest;
  readonly code?: number;
  readonly signal?: string | null;
  readonly stdout?: string | RegExp;
  readonly stderr?: string | RegExp;
  readonly files?: Record<string, string>;
}

const sh = (code: string, more: Partial<ExecutionRequest> = {}): ExecutionRequest => ({
  code,
  language: "sh",
  ...more,
});
const odd = `a'b "c" $(HOME) $$ \`id\` \\ \n second\tline ${"\u00e9"}`;

const cases: readonly Case[] = [
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
  { name: "/dev/stdin by name", request: sh("cat /dev/stdin; sleep 0.1; cat /dev/stdin", { stdin: "x" }), stdout: "x" },
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
    stdout: Buffer.from([0, 255, 10]).toString("latin1"),
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
    name: "nothing else in the environment",
    request: sh("env | sed 's/=.*//' | sort | tr '\\n' ' '"),
    stdout: /^HOME LANG PATH PWD PYTHONDONTWRITEBYTECODE TMPDIR USER (_ )?$/,
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
    name: "output files of code that failed",
    request: sh("echo c >c.txt; exit 9", { outputs: ["c.txt"] }),
    code: 9,
    files: { "c.txt": "c\n" },
  },
];

describe.each(everyone)("programs, as %s", (who) => {
  const started = startWorker(who);
  afterAll(async () => {
    const worker = await started;
    const {
      stateDirectory,
      process: { pid },
    } = worker;
    await worker.close();
    expect(await cellsIn(stateDirectory)).toEqual([]);
    expect(await groupsOf(pid)).toEqual([]);
  });

  test.each(cases)("$name", async ({ request, code = 0, signal = null, stdout, stderr, files }) => {
    const worker = await started;
    const result = await worker.run(request);
    expect(result.error).toBeNull();
    const said = { stdout: result.stdout.toString("utf8"), stderr: result.stderr.toString("utf8") };
    expect({ ...said, exit: result.outcome?.exit }).toMatchObject({ exit: { code, signal } });
    if (stdout instanceof RegExp) expect(said.stdout).toMatch(stdout);
    else if (stdout?.includes("\0")) expect(result.stdout.toString("latin1")).toBe(stdout);
    else if (stdout !== undefined) expect(said.stdout).toBe(stdout);
    if (stderr instanceof RegExp) expect(said.stderr).toMatch(stderr);
    else if (stderr !== undefined) expect(said.stderr).toBe(stderr);
    const came = Object.fromEntries(Object.entries(result.files).map(([name, content]) => [name, content.toString()]));
    expect(came).toEqual(files ?? {});
  });

  test("large output arrives whole, in order, without a newline", async () => {
    const worker = await started;
    const { stdout } = await worker.run(sh("head -c 20000000 /dev/zero | tr '\\0' x", { cpu: 2 }));
    expect(stdout.length).toBe(20_000_000);
  });

  test("stopping keeps the output so far and ends everything at once", async () => {
    const worker = await started;
    const began = performance.now();
    const result = await worker.run(sh("echo before; setsid sleep 600 & trap '' TERM; sleep 600"), { stopAfter: 500 });
    expect(result.stdout.toString()).toBe("before\n");
    expect(result.outcome).toMatchObject({ exit: null, lost: null });
    expect(performance.now() - began).toBeLessThan(2000);
  });
});

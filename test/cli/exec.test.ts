/** `kgents exec` as a whole process, on its own stack: inputs, outputs and exit codes. */
import { createHash, randomBytes } from "node:crypto";
import { mkdir, readdir, readFile, readlink, symlink } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import type { ExecutionResult } from "#core/contract/result";
import {
  type CommandLine,
  createCommandLine,
  type Ended,
  type RunOptions,
  shellLine,
} from "../support/command-line.ts";

let terminal: CommandLine;
beforeAll(async () => {
  terminal = await createCommandLine({ environment: { KGENTS_TEMPORAL_CLI: inject("temporalBinary") } });
  await terminal.file("script.py", "print('from a file')");
});
afterAll(() => terminal[Symbol.asyncDispose]());

const exec = (args: string[], options?: RunOptions): Promise<Ended> => terminal.run(["exec", ...args], options);

/** Runs code that must succeed, and returns its output. */
async function output(args: string[], options?: RunOptions): Promise<string> {
  const { code, stdout, stderr } = await exec(["--quiet", ...args], options);
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  return stdout;
}

async function resultOf(args: string[], options?: RunOptions): Promise<ExecutionResult> {
  return JSON.parse((await exec(["--json", ...args], options)).stdout);
}

describe("the seed's lines, as they stand", () => {
  test.each([
    [`kgents exec --code "print('hello')"         # Python (default)`, "hello\n"],
    [`kgents exec --code "echo hi" --lang shell   # Shell`, "hi\n"],
    [`kgents exec --file script.py                # From file`, "from a file\n"],
    [`kgents exec --timeout 60 --cpu 200m --code "..."  # With limits`, ""],
    [`kgents exec --dry-run --code "..."          # Preview Job spec`, expect.stringContaining("kind: Job\n")],
    [`kgents exec --network --code "..."          # Enable network`, ""],
    [`kgents exec --code "print('Phase 2 complete!')"`, "Phase 2 complete!\n"],
  ])("%s", async (line, expected) => {
    const { code, stdout, stderr } = await terminal.program("bash", shellLine(line));
    expect({ code, stdout }, stderr).toEqual({ code: 0, stdout: expected });
  });
});

describe("languages", () => {
  const python = ["import sys; print('py', sys.version_info[0])", "py 3\n"] as const;
  const shell = ["echo $0 | wc -l", "1\n"] as const;
  const javascript = ["console.log(typeof process.version)", "string\n"] as const;
  const typescript = ["const n: number = 6; console.log(n * 7)", "42\n"] as const;
  test.each([
    ["python", ...python],
    ["py", ...python],
    ["python3", ...python],
    ["sh", ...shell],
    ["shell", ...shell],
    ["bash", "[[ ab == a* ]] && echo bash", "bash\n"],
    ["javascript", ...javascript],
    ["js", ...javascript],
    ["node", ...javascript],
    ["typescript", ...typescript],
    ["ts", ...typescript],
    ["TypeScript", ...typescript],
  ])("--lang %s", async (name, code, expected) => {
    expect(await output(["--lang", name, "--cpu", "1", "--code", code])).toBe(expected);
  });

  test.each([
    ["a.py", "print('p')", "p\n"],
    ["a.sh", "echo s", "s\n"],
    ["a.bash", "[[ 1 ]] && echo b", "b\n"],
    ["a.js", "console.log('j')", "j\n"],
    ["a.mjs", "console.log(import.meta.url.length > 0)", "true\n"],
    ["a.ts", "const s: string = 't'; console.log(s)", "t\n"],
    ["a.mts", "export {}; console.log('mt' as string)", "mt\n"],
    // A module and a script by name; by their syntax alone each would be the other.
    ["name.mjs", "console.log(typeof require, import.meta.filename)", "undefined /work/name.mjs\n"],
    ["name.cjs", "exports.x = 1; console.log(require.main === module, __filename)", "true /work/name.cjs\n"],
    ["name.cts", "exports.x = 1; enum E { A = 4 } console.log(E.A)", "4\n"],
    ["shebang", "#!/bin/sh\necho $0", "/work/main.sh\n"],
    ["shebang.run", "#!/usr/bin/env -S node --no-warnings\nconsole.log(1 + 1)", "2\n"],
    ["A.PY", "print('P')", "P\n"],
    ["no-extension", "print('n')", "n\n"],
  ])("--file %s", async (name, code, expected) => {
    expect(await output(["--cpu", "1", "--file", await terminal.file(name, code)])).toBe(expected);
  });

  test("a first line says the language of code from elsewhere, too", async () => {
    expect(await output(["--code", "#!/bin/sh\necho $0"])).toBe("/work/main.sh\n");
    expect(await output([], { input: "#!/usr/bin/env bash\n[[ a == a ]] && echo b" })).toBe("b\n");
    const script = await terminal.file("scripts/go", "#!/bin/sh\necho go");
    expect(await output(["--input", script, "--entrypoint", "go"])).toBe("go\n");
    const { code, stderr } = await exec(["--file", await terminal.file("perl", "#!/usr/bin/perl\n1")]);
    expect(code).toBe(2);
    expect(stderr).toMatch(
      /--file: .*perl: its first line names "perl", which is the interpreter of no known language; known are py/,
    );
  });

  test("--lang counts more than the extension", async () => {
    expect(await output(["--lang", "sh", "--file", await terminal.file("really.py", "echo shell")])).toBe("shell\n");
    expect(await output(["--lang", "sh", "--file", await terminal.file("x.rb", "echo ruby")])).toBe("ruby\n");
  });

  test("one that is not supported is refused with the list", async () => {
    const { code, stdout, stderr } = await exec(["--lang", "cobol", "--code", "x"]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toContain(
      '"cobol" is not supported; known are python|py|python3, sh|shell, bash, javascript|js|node',
    );
  });
});

describe("code from standard input", () => {
  test.each([
    ["a pipe", []],
    ["a pipe and -", ["-"]],
    ["--file -", ["--file", "-"]],
  ])("%s", async (_, args) => {
    expect(await output(args, { input: "print('piped')" })).toBe("piped\n");
  });

  test("process substitution", async () => {
    const { stdout } = await terminal.program("bash", shellLine("kgents exec -q --file <(echo 'print(7)')"));
    expect(stdout).toBe("7\n");
  });

  test("who waits for code that does not come is told so", async () => {
    // The code is sent after the message has appeared, however long the command takes to start.
    const wait = "for i in $(seq 300); do grep -qs waiting words && break; sleep 0.1; done";
    const line = `(${wait}; echo 'print(8)') | kgents exec 2>words; cat words >&2`;
    const { stdout, stderr } = await terminal.program("bash", shellLine(line));
    expect({ stdout, stderr }).toEqual({
      stdout: "8\n",
      stderr: "kgents: waiting for the code on standard input\n",
    });
  });

  test("code that is too large for a request goes by the artifact store", async () => {
    expect(await output(["--cpu", "1"], { input: `# ${"x".repeat(2_000_000)}\nprint('large')` })).toBe("large\n");
  });
});

describe("what the program is given", () => {
  test("--arg, as it is and in order", async () => {
    const args = ["a b", "$(x)", "--flag", "-", "ü", ""];
    const given = args.flatMap((value) => ["--arg", value]);
    const text = await output(["--code", "import sys, json; print(json.dumps(sys.argv[1:]))", ...given]);
    expect(JSON.parse(text)).toEqual(args);
  });

  test("--env, and nothing of this environment", async () => {
    const code = "import os, json; print(json.dumps(dict(os.environ)))";
    const args = ["--code", code, "--env", "A=b=c", "-e", "EMPTY=", "--env", "NAME=ü $X"];
    const environment = JSON.parse(await output(args, { environment: { SECRET: "of this shell" } }));
    expect(environment).toMatchObject({ A: "b=c", EMPTY: "", NAME: "ü $X" });
    expect(environment).not.toHaveProperty("SECRET");
  });

  test("--stdin FILE", async () => {
    const path = await terminal.file("in.txt", "from the file");
    expect(await output(["--lang", "sh", "--code", "cat", "--stdin", path])).toBe("from the file");
  });

  test("--stdin -, 3 MB of bytes that are no text", async () => {
    const input = randomBytes(3_000_000);
    const code = "import sys, hashlib; print(hashlib.sha256(sys.stdin.buffer.read()).hexdigest())";
    const expected = createHash("sha256").update(input).digest("hex");
    expect(await output(["--cpu", "1", "--code", code, "--stdin", "-"], { input })).toBe(`${expected}\n`);
  });

  test("without --stdin it reads end of file, whatever is piped in", async () => {
    expect(await output(["--lang", "sh", "--code", "cat; echo end"], { input: "not for the code" })).toBe("end\n");
  });

  test("--input FILE, FILE:name, FILE:folder/name", async () => {
    const path = await terminal.file("data/words.txt", "b\na\n");
    const inputs = [path, `${path}:renamed`, `${path}:deep/er/words`].flatMap((value) => ["--input", value]);
    const text = await output(["--lang", "sh", "--code", "sort words.txt; cat renamed deep/er/words", ...inputs]);
    expect(text).toBe("a\nb\nb\na\nb\na\n");
  });
});

test("--input of a path with colons: one that is there wins, and the message says how it is read else", async () => {
  const path = await terminal.file("2026-01-01T10:30:00.csv", "row\n");
  const args = ["--lang", "sh", "--code", "ls *0* renamed", "--input", path, "--input", `${path}:renamed`];
  expect(await output(args)).toBe("2026-01-01T10:30:00.csv\nrenamed\n");
  const { code, stderr } = await exec(["--code", "1", "--input", "2026-01-01T10:31:00.csv"]);
  expect(code).toBe(2);
  expect(stderr).toContain(
    'kgents: --input: 2026-01-01T10:31:00.csv: there is no such file, and no 2026-01-01T10:31 (the argument is read as PATH:NAME, where NAME is "00.csv")\n',
  );
});

describe("--input of a folder", () => {
  beforeAll(async () => {
    await terminal.file("project/main.py", "import sys, lib.greet; lib.greet.hello(sys.argv[1])");
    await terminal.file("project/lib/greet.py", "def hello(name): print('hello', name)");
    await terminal.file("project/.settings", "hidden");
    await terminal.program("chmod", ["+x", await terminal.file("project/bin/tool", "#!/bin/sh\necho tool")]);
    await mkdir(join(terminal.directory, "project/empty"));
  });
  const all = [".settings", "bin/tool", "lib/greet.py", "main.py"];

  test.each<[value: string, names: string[]]>([
    ["project", all.map((name) => `project/${name}`)],
    ["project/", all.map((name) => `project/${name}`)],
    ["project:in/put", all.map((name) => `in/put/${name}`)],
    ["project/.", all],
    ["project:.", all],
  ])("%s", async (value, names) => {
    const code = "find . -type f ! -name main.sh | sort; find . -name tool -exec {} ';'; find . -name empty";
    const expected = [...names.map((name) => `./${name}`), "tool", ""].join("\n");
    expect(await output(["--lang", "sh", "--code", code, "--input", value])).toBe(expected);
  });

  test("one of its files is run: by --entrypoint, or by --file", async () => {
    const args = ["--input", "project/.", "--arg", "you"];
    expect(await output([...args, "--entrypoint", "main.py"])).toBe("hello you\n");
    expect(await output([...args, "--file", "project/main.py"])).toBe("hello you\n");
    const tool = ["--input", "project", "--entrypoint", "project/bin/tool", "--lang", "sh"];
    expect(await output(tool)).toBe("tool\n");
  });

  test("a file that has the name of other code is refused", async () => {
    const { code, stderr } = await exec(["--input", "project/.", "--code", "print(1)"]);
    expect({ code, stderr }).toEqual({
      code: 2,
      stderr: `kgents: files: got "main.py"; allowed is no other main.py than the code itself
        Give that file another name, or run it instead of the code: as the entrypoint.
`,
    });
  });

  test("more than the disk is refused, and so is more than a request can carry, but for its names", async () => {
    await terminal.file("large/zeros", Buffer.alloc(2_000_000));
    const large = ["--lang", "sh", "--code", "true", "--input", "large"];
    expect((await exec(["--disk", "1Mi", ...large])).stderr).toContain(
      "kgents: disk: got 1048576 bytes; code and input files alone are 2000004\n",
    );
    for (let index = 0; index < 200; index += 1) await terminal.file(`many/${index}`, "0123456789".repeat(1000));
    const sum = ["--lang", "sh", "--code", "cat many/* | wc -c", "--input", "many"];
    expect((await output(sum)).trim()).toBe("2000000");
  });
});

describe("--output", () => {
  const make = "mkdir -p out/deep && echo one >out/a.txt && echo two >out/deep/b.txt && echo no >other";

  test("brings files back into kgents-output, folders and all, and says so", async () => {
    const directory = join(terminal.directory, "here");
    await mkdir(directory);
    const args = ["--lang", "sh", "--code", make, "--output", "out/**"];
    const { code, stdout, stderr } = await exec(args, { directory });
    expect({ code, stdout }).toEqual({ code: 0, stdout: "" });
    expect(stderr).toContain("kgents: wrote kgents-output/out/a.txt (4 bytes)\n");
    const entries = await readdir(join(directory, "kgents-output"), { recursive: true });
    expect(entries.sort()).toEqual(["out", "out/a.txt", "out/deep", "out/deep/b.txt"]);
    expect(await readFile(join(directory, "kgents-output/out/deep/b.txt"), "utf8")).toBe("two\n");
  });

  test("--output-dir; large files whole", async () => {
    const args = ["--cpu", "1", "--lang", "sh", "--code", "head -c 5000000 /dev/zero >zeros", "--output", "zeros"];
    await output([...args, "--output-dir", "far/away"]);
    const content = await readFile(join(terminal.directory, "far/away/zeros"));
    expect(content.equals(Buffer.alloc(5_000_000))).toBe(true);
  });

  test("what stands in the place of a file is replaced, and never written through", async () => {
    const target = await terminal.file("precious", "precious");
    const existing = await terminal.file("placed/existing", "old");
    await symlink(target, join(terminal.directory, "placed/link"));
    const code = "echo new >existing; echo new >link";
    await output(["--lang", "sh", "--code", code, "--output", "*", "--output-dir", "placed"]);
    expect(await readFile(existing, "utf8")).toBe("new\n");
    expect(await readFile(join(terminal.directory, "placed/link"), "utf8")).toBe("new\n");
    await expect(readlink(join(terminal.directory, "placed/link"))).rejects.toThrow();
    expect(await readFile(target, "utf8")).toBe("precious");
  });

  test("a link in the place of a folder is not followed, one in the place of the directory is", async () => {
    await mkdir(join(terminal.directory, "elsewhere"));
    await mkdir(join(terminal.directory, "real"));
    await symlink("../elsewhere", join(terminal.directory, "real/out"));
    await symlink("real", join(terminal.directory, "to-real"));
    const code = "mkdir -p out/deep; echo 1 >out/a; echo 2 >out/deep/b; echo 3 >free";
    const args = ["--lang", "sh", "--code", code, "--output", "**", "--output-dir", "to-real"];
    const { code: exit, stderr } = await exec(["--quiet", ...args]);
    expect(exit).toBe(125);
    expect(stderr).toContain('kgents: output file "out/a" was not written: to-real/out is a symbolic link\n');
    expect(stderr).toContain('kgents: output file "out/deep/b" was not written: to-real/out is a symbolic link\n');
    expect(await readdir(join(terminal.directory, "elsewhere"))).toEqual([]);
    expect(await readFile(join(terminal.directory, "real/free"), "utf8")).toBe("3\n");
  });

  test("what was refused is said, and the rest comes", async () => {
    const code = "ln -s /etc/passwd link; mkfifo fifo; echo 1 >plain; echo 2 >'back\\slash'";
    const outputs = ["--output", "*", "--output", "chrt.png", "--output", "d/*.csv"];
    const args = ["--lang", "sh", "--code", code, ...outputs, "--output-dir", "refused"];
    const { code: exit, stderr } = await exec(["--quiet", ...args]);
    expect(exit).toBe(0);
    expect(stderr.trimEnd().split("\n").sort()).toEqual([
      "kgents: output file back\\\\slash not returned: its name is too long or not plain",
      "kgents: output file chrt.png not returned: no file matches",
      "kgents: output file d/*.csv not returned: no file matches",
      "kgents: output file fifo not returned: not a plain file, or one with several links",
      "kgents: output file link not returned: not a plain file, or one with several links",
    ]);
    expect(await readdir(join(terminal.directory, "refused"))).toEqual(["plain"]);
  });

  test("one that cannot be written is said, and does not keep the others back", async () => {
    await terminal.file("blocked/taken/by", "a folder");
    const code = "echo 1 >taken; echo 2 >free";
    const args = ["--lang", "sh", "--code", code, "--output", "*", "--output-dir", "blocked"];
    const { code: exit, stderr } = await exec(["--quiet", ...args]);
    expect(exit).toBe(125);
    expect(stderr).toMatch(/^kgents: output file "taken" was not written: /);
    expect(await readFile(join(terminal.directory, "blocked/free"), "utf8")).toBe("2\n");
    expect((await readdir(join(terminal.directory, "blocked"))).sort()).toEqual(["free", "taken"]);
  });
});

describe("limits", () => {
  test("are taken", async () => {
    const flags = ["--timeout", "1m", "--startup-timeout", "2m", "--cpu", "0.5", "--memory", "64Mi", "--disk", "1Mi"];
    const { isolation, status } = await resultOf([...flags, "--ttl", "10m", "--code", "print(1)"]);
    expect(status).toBe("succeeded");
    expect(isolation).toMatchObject({ level: "sandbox", network: { enforced: true } });
  });

  test("--disk bounds what is written", async () => {
    const args = ["--lang", "sh", "--disk", "1Mi", "--code", "head -c 2000000 /dev/zero >x"];
    const { status, stderr } = await resultOf(args);
    expect(status).toBe("failed");
    expect(stderr.text).toContain("No space left");
  });
});

describe("exit codes", () => {
  const cases: [name: string, args: string[], code: number, words: string][] = [
    ["success", ["--code", "pass"], 0, ""],
    ["the code's own", ["--code", "exit(7)"], 7, ""],
    ["the code's own 255", ["--code", "exit(255)"], 255, ""],
    ["an exception", ["--code", "raise Exception('boo')"], 1, "Exception: boo"],
    ["SIGTERM", ["--code", "import os; os.kill(os.getpid(), 15)"], 143, "the code was ended by SIGTERM"],
    ["SIGKILL", ["--code", "import os; os.kill(os.getpid(), 9)"], 137, "the code was ended by SIGKILL"],
    ["SIGSEGV", ["--lang", "bash", "--code", "kill -SEGV $$"], 139, "the code was ended by SIGSEGV"],
    ["time", ["--timeout", "1", "--lang", "sh", "--code", "sleep 60"], 124, "timed-out: the code ran longer than 1 s"],
    ["memory", ["--memory", "32Mi", "--code", "x = bytearray(10**9)"], 137, "out-of-memory: "],
    ["output", ["--cpu", "2", "--lang", "sh", "--code", "yes"], 153, "output-limit: the code wrote more than 64 MiB"],
    ["a backend that is not served", ["--backend", "kubernetes", "--code", "x"], 125, "Choose another --backend"],
    ["--no-fallback", ["--no-fallback", "--code", "x"], 125, "or allow the fallback"],
    ["wrong usage", ["--lang", "cobol", "--code", "x"], 2, "Use one of the languages listed"],
  ];
  test.each(cases)("%s", async (_, args, code, words) => {
    const { code: exit, stderr } = await exec(args);
    expect(exit, stderr).toBe(code);
    expect(stderr).toContain(words);
  });
});

describe("what kgents says itself", () => {
  test("nothing, where nobody has named a cluster", async () => {
    const { stdout, stderr } = await exec(["--code", "print(1)"]);
    expect({ stdout, stderr }).toEqual({ stdout: "1\n", stderr: "" });
  });

  test("--backend subprocess is no fallback", async () => {
    expect(await exec(["--backend", "subprocess", "--code", "print(1)"])).toMatchObject({ stdout: "1\n", stderr: "" });
  });

  test("--quiet leaves stderr to the code", async () => {
    const code = "import sys; print('e', file=sys.stderr); sys.exit(3)";
    expect(await exec(["--quiet", "--code", code])).toMatchObject({ code: 3, stdout: "", stderr: "e\n" });
  });
});

describe("--json", () => {
  test("prints the result and nothing else on stdout", async () => {
    const code = "import sys; print('o'); print('e', file=sys.stderr); sys.exit(3)";
    const { code: exit, stdout, stderr } = await exec(["--json", "--code", code]);
    expect(exit).toBe(3);
    expect(stderr).toBe("");
    const result: ExecutionResult = JSON.parse(stdout);
    expect(stdout).toBe(`${JSON.stringify(result)}\n`);
    expect(result).toMatchObject({
      status: "failed",
      exitCode: 3,
      language: "python",
      backend: "subprocess",
      stdout: { text: "o\n", bytes: 2 },
      stderr: { text: "e\n" },
      fallback: null,
    });
  });

  test("a run that could not be carried out is an object with its id and its error", async () => {
    const { code, stdout } = await exec(["--json", "--id", "no-cluster", "--backend", "kubernetes", "--code", "x"]);
    expect(code).toBe(125);
    expect(JSON.parse(stdout)).toMatchObject({ id: "no-cluster", error: { kind: "backend-unavailable" } });
  });
});

describe("--id, --detach, --label", () => {
  test("--detach prints the id; the same id attaches, also when the run is over, and another request is refused", async () => {
    const run = ["--id", "my-run", "--label", "team=red", "--lang", "sh", "--code", "echo begun; sleep 1; echo ended"];
    expect(await exec(["--detach", ...run])).toMatchObject({ code: 0, stdout: "my-run\n" });
    const attached = { code: 0, stdout: "begun\nended\n", stderr: "kgents: attached to the run my-run\n" };
    expect(await exec(run)).toMatchObject(attached);
    expect(await exec(run)).toMatchObject(attached);
    expect((await resultOf(run)).id).toBe("my-run");
    const { code, stdout, stderr } = await exec(["--id", "my-run", "--code", "print('other')"]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toContain("id: my-run belongs to a run of another request");
  });

  test("--detach --json", async () => {
    const { stdout } = await exec(["--detach", "--json", "--code", "pass"]);
    expect(JSON.parse(stdout)).toEqual({ id: expect.stringMatching(/^exec-/), runId: expect.any(String) });
  });

  test.each(["-x", "a b", "x".repeat(201)])("--id=%s is refused", async (id) => {
    const { code, stderr } = await exec([`--id=${id}`, "--code", "pass"]);
    expect(code).toBe(2);
    expect(stderr).toContain("kgents: id: got ");
  });
});

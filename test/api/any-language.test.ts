/** The programs of examples/any-language/, each run with its language's tools, and the page that shows them. */
import { cp, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { stripVTControlCharacters } from "node:util";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { type CommandLine, createCommandLine, type Ended } from "../support/command-line.ts";
import { isPresent } from "../support/debian-packages.ts";
import { pythonPackages } from "../support/python-packages.ts";

const folder = fileURLToPath(new URL("../../examples/any-language", import.meta.url));
const page = await readFile(new URL("../../docs/any-language.md", import.meta.url), "utf8");
const files = (await readdir(folder, { recursive: true, withFileTypes: true }))
  .filter((entry) => entry.isFile())
  .map(({ parentPath, name }) => join(parentPath, name).slice(folder.length + 1));
/** The first run builds compilers and packages. */
const buildMilliseconds = 900_000;

let terminal: CommandLine;
let python: NodeJS.ProcessEnv;
beforeAll(async () => {
  terminal = await createCommandLine({ environment: { KGENTS_TEMPORAL_CLI: inject("temporalBinary") } });
  expect(await terminal.run(["up"])).toMatchObject({ code: 0 });
  python = await pythonPackages(join(folder, "python/requirements.txt"));
}, buildMilliseconds);
afterAll(() => terminal[Symbol.asyncDispose]());

async function run(
  command: string,
  args: string[],
  directory: string,
  environment?: NodeJS.ProcessEnv,
): Promise<Ended> {
  const TEMPORAL_ADDRESS = `127.0.0.1:${terminal.port}`;
  return terminal.program(command, args, { directory, environment: { ...environment, TEMPORAL_ADDRESS } });
}

const fatal =
  /^Fatal Python error: PyGILState_Release: .* must be current when releasing\nPython runtime state: finalizing/;

/**
 * Runs Python. Its SDK may end the interpreter by a signal after the program has ended and its output is written:
 * https://github.com/temporalio/sdk-python/issues/300. Seen in one of nine runs, with four concurrent runs on two cores
 * (1.35.0, Python 3.11).
 */
async function runPython(command: string, args: string[], directory: string): Promise<Ended> {
  const ended = await run(command, args, directory, python);
  const stderr = fatal.test(ended.stderr) ? "" : ended.stderr;
  const code = ["SIGABRT", "SIGSEGV"].includes(ended.signal ?? "") ? 0 : ended.code;
  return { ...ended, code, stderr };
}

/** Maven writes next to its pom.xml. */
async function runJava(): Promise<Ended> {
  const copy = join(terminal.directory, "java");
  await cp(join(folder, "java"), copy, { recursive: true });
  return run("mvn", ["-q", "-B", "compile", "exec:java"], copy);
}

const programs: [language: string, isHere: boolean, run: () => Promise<Ended>][] = [
  ["Python", true, () => runPython("python3", ["run_code.py"], join(folder, "python"))],
  ["Go", isPresent("go"), () => run("go", ["run", "."], join(folder, "go"))],
  ["Java", isPresent("mvn"), runJava],
  ["TypeScript", true, () => run(process.execPath, ["run-code.mts"], join(folder, "typescript"))],
];

test.for(programs)("%s", { timeout: buildMilliseconds }, async ([language, isHere, program], { skip }) => {
  skip(!isHere, "its compiler is not on this machine");
  const { code, stdout, stderr } = await program();
  expect({ code, stderr }).toMatchObject({ code: 0 });
  expect(stripVTControlCharacters(stdout).trimEnd().split("\n")).toEqual([
    `succeeded 0 hello from ${language}`,
    expect.stringMatching(/^the same run: true$/i),
    "executing",
    "cancelled",
    expect.stringMatching(
      /^invalid-request \| true \| timeout \| Correct the field that is named and run it again\.$/i,
    ),
  ]);
});

test("Python follows live output", async () => {
  const stamped = 'python3 live_output.py | while IFS= read -r line; do echo "$(date +%s%3N) $line"; done';
  const { stdout, stderr } = await runPython("sh", ["-c", stamped], join(folder, "python"));
  expect({ stdout, stderr }).toEqual({
    stdout: expect.stringMatching(/^\d+ line 0\n\d+ line 1\n\d+ line 2\n$/),
    stderr: "",
  });
  const [first = 0, , last = 0] = stdout.split("\n").map((line) => Number.parseInt(line, 10));
  // The code takes 2 s from its first line to its last.
  expect(last - first).toBeGreaterThan(1000);
});

test("Python uses a session by its updates", async () => {
  const { code, stdout, stderr } = await runPython("python3", ["session.py"], join(folder, "python"));
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  const lines = ["succeeded new", "21 same", "kept", "invalid-request timeout", "ready", "closed"];
  expect(stdout.trimEnd().split("\n")).toEqual(lines);
});

test("Python as the README has it", async () => {
  const readme = await readFile(new URL("../../README.md", import.meta.url), "utf8");
  const [, shown = ""] = /```python\n(.*?)```/s.exec(readme) ?? [];
  const program = shown.replace("localhost:7233", `127.0.0.1:${terminal.port}`);
  const { code, stdout, stderr } = await runPython("python3", ["-c", program], terminal.directory);
  expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: "succeeded 0 hello\n", stderr: "" });
});

describe("docs/any-language.md", () => {
  const shown = [...page.matchAll(/\]\(\.\.\/examples\/any-language\/([^)]+)\)[^\n]*\n\n```\w+\n(.*?)```/gs)];

  test("shows every program", () => {
    const installed = ["go/go.mod", "go/go.sum", "python/requirements.txt"];
    expect(shown.map(([, name]) => name).sort()).toEqual(files.filter((name) => !installed.includes(name)).sort());
  });

  test.for(shown)("shows it as it is: %#", async ([, name = "", block]) => {
    expect(block, name).toBe(await readFile(join(folder, name), "utf8"));
  });

  test("installs the versions that are tested", async () => {
    const requirements = await readFile(join(folder, "python/requirements.txt"), "utf8");
    const modules = await readFile(join(folder, "go/go.mod"), "utf8");
    const [, sdk] = /go\.temporal\.io\/sdk (v\S+)/.exec(modules) ?? [];
    for (const command of [`pip install ${requirements.trim()}`, `go get go.temporal.io/sdk@${sdk}`]) {
      expect(page).toContain(command);
    }
  });
});

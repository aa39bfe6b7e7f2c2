/** Errors in flags, values and files that are reported before anything is started. */
import { existsSync } from "node:fs";
import { mkdir, symlink } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { jsonSchemaNames, printedJsonSchema } from "#core/contract/json-schema";
import { type CommandLine, createCommandLine, shellLine } from "../support/command-line.ts";

let terminal: CommandLine;
beforeAll(async () => {
  terminal = await createCommandLine();
  await terminal.file("script.py", "print('file')");
  await terminal.file("empty.py", "");
  await terminal.file("script.rb", "puts 1");
  await mkdir(join(terminal.directory, "folder.py"));
  await terminal.file("linked/plain", "");
  await symlink("/etc/passwd", join(terminal.directory, "linked/secret"));
  for (let index = 0; index <= 256; index += 1) await terminal.file(`many/${index}`, "");
});
afterAll(() => terminal[Symbol.asyncDispose]());
afterEach(() => {
  expect(existsSync(terminal.state), "something was started").toBe(false);
});

const exec = (...args: string[]) => terminal.run(["exec", ...args]);
const code = ["--code", "print(1)"];

describe("help", () => {
  test.each([
    [["--help"], "exec [options] [-]"],
    [["exec", "--help"], "Exit codes: the code's own"],
    [["help", "up"], "Starts the local stack"],
    [["down", "--help"], "History and output are kept"],
    [["status", "-h"], "the limits that each backend"],
    [["infra", "--help"], "remove what init created, and nothing else"],
    [["infra", "init", "--help"], "verifies by a canary pod"],
    [["worker", "--help"], "--metrics-port <port>"],
    [["ps", "--help"], "Examples:\n  $ kgents ps "],
    [["show", "--help"], "kgents show my-run --code"],
    [["logs", "--help"], "Ctrl-C detaches; the run continues"],
    [["attach", "--help"], "Ctrl-C detaches; the run continues"],
    [["wait", "--help"], "kgents wait one two three --json"],
    [["cancel", "--help"], "kgents cancel --all --yes"],
    [["rerun", "--help"], "kgents rerun my-run --timeout 5m"],
    [["files", "--help"], "kgents files my-run get chart.png"],
    [["open", "--help"], "KGENTS_UI_URL names the UI"],
    [["completion", "--help"], "source <(kgents completion bash)"],
    [["doctor", "--help"], "Exit codes: 0 runs can be carried out"],
    [["schema", "--help"], "$ kgents schema request >request.json"],
    [["--version"], "0."],
  ])("%j", async (args, text) => {
    const { code, stdout, stderr } = await terminal.run(args);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toContain(text);
    expect(stdout).not.toMatch(/default: \[\]|undefined/);
  });

  test("without a command it is shown on stderr, as an error", async () => {
    const { code, stdout, stderr } = await terminal.run([]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toContain("Start with: kgents exec");
  });
});

describe("arguments that are not UTF-8", () => {
  test.each([
    ["exec --lang sh --code $'printf \"\\xe9\"'", "--code"],
    ["exec --lang sh --code=$'\\xff'", "--code"],
    ["exec --code 1 --env $'A=\\xe9'", "--env"],
    ["show $'\\xe9'", "argument 2"],
  ])("kgents %s", async (line, field) => {
    const { code: exit, stderr } = await terminal.program("bash", shellLine(`kgents ${line}`));
    expect({ exit, stderr }).toEqual({
      exit: 2,
      stderr: `kgents: ${field}: got bytes that are not UTF-8; allowed is UTF-8
        Pass code with --file FILE or on standard input, and input with --stdin FILE or --input FILE: these may contain any bytes.
`,
    });
  });

  test("a replacement character that was given is none", async () => {
    const { code: exit } = await exec("--dry-run", "--code", "print('\ufffd')");
    expect(exit).toBe(0);
  });
});

test.each(["exec --code 1", "ps", "status --json", "worker"])(
  "a working directory that was deleted: kgents %s",
  async (line) => {
    const gone = join(terminal.directory, "gone");
    const { code: exit, stderr } = await terminal.program(
      "bash",
      shellLine(`mkdir ${gone} && cd ${gone} && rmdir ${gone} && kgents ${line}`),
    );
    expect({ exit, stderr }).toEqual({
      exit: 125,
      stderr: `kgents: the working directory ${gone} was deleted\n        Change to another directory.\n`,
    });
  },
);

/** Each with the expected error line, and the second line with the remedy. */
const refusals: [name: string, args: string[], message: string, remedy: string][] = [
  ["a misspelt command", ["exce"], "unknown command 'exce' (did you mean exec?)", "See `kgents --help`."],
  ["an unknown command", ["frobnicate"], "unknown command 'frobnicate'", "See `kgents --help`."],
  [
    "a misspelt flag",
    ["exec", "--tiemout", "3", ...code],
    "unknown option '--tiemout' (did you mean --timeout?)",
    "See `kgents exec --help`.",
  ],
  ["an unknown flag", ["exec", "--frobnicate", ...code], "unknown option '--frobnicate'", "See `kgents exec --help`."],
  [
    "a misspelt flag of status",
    ["status", "--jsn"],
    "unknown option '--jsn' (did you mean --json?)",
    "See `kgents status --help`.",
  ],
  ["an unknown flag of up", ["up", "--frobnicate"], "unknown option '--frobnicate'", "See `kgents up --help`."],
  ["a flag without its value", ["exec", "--code"], "option '-c, --code <code>' argument missing", "See `kgents exec"],
  [
    "a flag that took the next one for its value",
    ["exec", "--timeout", ...code],
    'timeout: got "--code"; allowed is a duration from 0.1 s to 24 h, such as 30, "90s" or "5m"',
    "Correct the field that is named and run it again.",
  ],
  [
    "code without its flag",
    ["exec", "print(1)"],
    'argument: got "print(1)"; allowed is only - for standard input',
    "Pass the code with --code CODE, --file FILE, --entrypoint NAME, or through a pipe.",
  ],
  ["too many arguments", ["exec", "-", "more"], "too many arguments for 'exec'. Expected 1 argument", "Put arguments"],
  [
    "a language by the name of the flag of ps",
    ["exec", "--dry-run", "--language", "pyton", ...code],
    'language: "pyton" is not supported',
    "Use one of the languages listed",
  ],
  [
    "code without its flag and quotes",
    ["exec", "print", "hi"],
    "too many arguments for 'exec'. Expected 1 argument",
    "Put arguments with spaces in quotes. See `kgents exec --help`.",
  ],
  [
    "code twice",
    ["exec", ...code, "--file", "script.py"],
    "--code: got more than one of --code, --file, --entrypoint and -; allowed is one",
    "See `kgents exec --help`.",
  ],
  ["--create without a session", ["exec", "--create", ...code], "--create: got it without --session", "See `kgents"],
  ["no code at all", ["exec"], "code: got nothing from standard input", "Pass the code with --code CODE, --file FILE"],
  [
    "empty code",
    ["exec", "--code", ""],
    "code: got empty text; allowed is code that is not empty",
    "Correct the field",
  ],
  ["an empty file", ["exec", "--file", "empty.py"], "--file: empty.py: the file is empty", "See `kgents"],
  ["a missing file", ["exec", "--file", "none.py"], "--file: none.py: there is no such file", "Correct the field"],
  ["a directory", ["exec", "--file", "folder.py"], "--file: folder.py: it is a directory, not a file", "Correct"],
  [
    "a path through a file",
    ["exec", "--file", "script.py/x"],
    "--file: script.py/x: a part of the path is not a directory",
    "Correct",
  ],
  [
    "an extension that means nothing",
    ["exec", "--file", "script.rb"],
    "--file: script.rb: no language has the extension .rb; known are .py, .sh,",
    "Set the language with --lang.",
  ],
  ["a missing input", ["exec", "--input", "none.csv", ...code], "--input: none.csv: there is no such file", "Correct"],
  [
    "an empty folder as input",
    ["exec", "--input", "folder.py", ...code],
    "--input: folder.py: it has no files; allowed is a folder with files",
    "Correct",
  ],
  [
    "a folder with a link as input",
    ["exec", "--input", "linked", ...code],
    "--input: linked/secret: it is a symbolic link; allowed are plain files",
    "Remove it from the folder, or pass the files one by one: a link that is passed directly is followed.",
  ],
  [
    "too many files as input",
    ["exec", "--input", "many", "--file", "none.py"],
    "--input: many: got 257 files; allowed are 256",
    "Pass fewer files, or one archive that the code unpacks.",
  ],
  [
    "two inputs of one name",
    ["exec", "--input", "script.py", "--input", "empty.py:script.py", ...code],
    '--input: got "script.py" twice; allowed is each name once',
    "Correct",
  ],
  [
    "an entrypoint that is not there",
    ["exec", "--input", "script.py", "--entrypoint", "main.py"],
    'entrypoint: got "main.py"; allowed is the name of one of the files',
    "Correct",
  ],
  ["a missing stdin", ["exec", "--stdin", "none", ...code], "--stdin: none: there is no such file", "Correct"],
  [
    "standard input for two things",
    ["exec", "--stdin", "-", "-"],
    "--stdin: got -, but the code itself comes from standard input",
    "See `kgents exec --help`.",
  ],
  [
    "a schema that there is not",
    ["schema", "answer"],
    "command-argument value 'answer' is invalid for argument 'schema'. Allowed choices are request, result, failure, session, session-updates, session-results.",
    "See `kgents schema --help`.",
  ],
  ["no schema", ["schema"], "missing required argument 'schema'", "See `kgents schema --help`."],
  ["two schemas", ["schema", "request", "result"], "too many arguments for 'schema'", "See `kgents schema --help`."],
  ["a missing configuration", ["exec", "--config", "none.yaml", ...code], "none.yaml: there is no such file", "Name a"],
];

describe("mistakes", () => {
  test.each(refusals)("%s", async (_, args, message, remedy) => {
    const { code, stdout, stderr } = await terminal.run(args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    const [first = "", second = "", ...more] = stderr.trimEnd().split("\n");
    expect(first).toMatch(/^kgents: /);
    expect(first).toContain(message);
    expect(second).toMatch(/^ {8}\S/);
    expect(second.trimStart()).toContain(remedy);
    expect(more).toEqual([]);
  });
});

/** An invalid value of each flag, and the field at the start of the message. */
const badValues: [flag: string, value: string, field: string][] = [
  ["--timeout", "0", "timeout"],
  ["--timeout", "abc", "timeout"],
  ["--timeout", "25h", "timeout"],
  ["--startup-timeout", "0.5", "startupTimeout"],
  ["--ttl", "8d", "ttl"],
  ["--cpu", "1m", "cpu"],
  ["--cpu", "257", "cpu"],
  ["--memory", "1Mi", "memory"],
  ["--memory", "256MB", "memory"],
  ["--disk", "none", "disk"],
  ["--image", "python:latest", "image"],
  ["--image", "python", "image"],
  ["--output", "../up", "outputs.0"],
  ["--output", "/etc/passwd", "outputs.0"],
  ["--env", "NAME", "--env"],
  ["--env", "=value", "--env"],
  ["--env", "1A=x", "env.1A"],
  ["--label", "key", "--label"],
  ["--label", "kgents.io/agent=me", "labels.kgents.io/agent"],
  ["--lang", "", "language"],
  ["--input", "script.py:../up.py", "--input"],
];

describe("bad values name their field", () => {
  test.each(badValues)("%s %s", async (flag, value, field) => {
    const { code: exit, stdout, stderr } = await exec(flag, value, ...code);
    expect({ exit, stdout }).toEqual({ exit: 2, stdout: "" });
    expect(stderr.startsWith(`kgents: ${field}: `), stderr).toBe(true);
    expect(stderr).toContain("; allowed is ");
  });

  test("--backend", async () => {
    const { code: exit, stderr } = await exec("--backend", "docker", ...code);
    expect(exit).toBe(2);
    expect(stderr).toContain("'docker' is invalid. Allowed choices are auto, kubernetes, subprocess.");
  });

  test("KGENTS_PORT", async () => {
    const { code: exit, stderr } = await terminal.run(["exec", ...code], { environment: { KGENTS_PORT: "high" } });
    expect(exit).toBe(2);
    expect(stderr).toContain('KGENTS_PORT: "high"; allowed is 1 to 65535');
  });
});

describe("--json says a refusal as one object on stdout, and in words on stderr", () => {
  const cases: [name: string, args: string[], error: object][] = [
    ["a bad value", ["--timeout", "0", ...code], { kind: "invalid-request", field: "timeout" }],
    ["a missing file", ["--file", "none.py"], { kind: "invalid-request", field: "--file" }],
    ["an unknown flag", ["--cod", "x"], { kind: "invalid-request", field: null }],
    ["a dry run", ["--dry-run", "--lang", "cobol", ...code], { kind: "unsupported-language", field: "language" }],
    ["a configuration", ["--config", "none.yaml", ...code], { kind: "invalid-configuration", field: null }],
  ];
  test.each(cases)("%s", async (_, args, error) => {
    const { code: exit, stdout, stderr } = await exec("--json", ...args);
    expect(exit).toBe(2);
    const said = JSON.parse(stdout);
    expect(said).toMatchObject({ id: null, error });
    expect(stderr).toBe(`kgents: ${said.error.message}\n        ${said.error.remedy}\n`);
  });

  test("but not where --json belongs to the program", async () => {
    const { code: exit, stdout } = await exec("--cod", "x", "--", "--json");
    expect({ exit, stdout }).toEqual({ exit: 2, stdout: "" });
  });
});

test("errors are said with --quiet, too", async () => {
  const { code: exit, stderr } = await exec("--quiet", "--timeout", "0", ...code);
  expect(exit).toBe(2);
  expect(stderr).toContain("kgents: timeout: ");
});

describe("kgents schema", () => {
  test.each(jsonSchemaNames)("%s", async (name) => {
    expect(await terminal.run(["schema", name])).toMatchObject({
      code: 0,
      stderr: "",
      stdout: printedJsonSchema(name),
    });
  });
});

describe("kgents worker", () => {
  test.each([
    ["--metrics-port", "0", "Allowed is a whole number from 1 to 65535."],
    ["--metrics-port", "http", "Allowed is a whole number from 1 to 65535."],
    ["--maximum-cells", "1e2", "Allowed is a whole number from 1 to 1000."],
    ["--backends", "docker", "Allowed is kubernetes, subprocess, or both with a comma between them."],
    ["--backends", "subprocess,subprocess", "Allowed is kubernetes, subprocess, or both"],
    ["--drain", "soon", "Allowed is a duration, such as 30, 90s or 5m."],
    ["--task-queue", "a b", "Allowed are 1 to 200 printable ASCII characters without spaces."],
  ])("%s %s", async (flag, value, allowed) => {
    const { code: exit, stdout, stderr } = await terminal.run(["worker", flag, value]);
    expect({ exit, stdout }).toEqual({ exit: 2, stdout: "" });
    expect(stderr).toContain(allowed);
    expect(stderr).toContain("See `kgents worker --help`.");
  });
});

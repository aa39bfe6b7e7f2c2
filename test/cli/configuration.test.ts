/** kgents.config.yaml: where it is found, what it changes, and which settings are ignored. */
import { existsSync } from "node:fs";
import { chmod, rm } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, inject, test } from "vitest";
import { type CommandLine, createCommandLine, type RunOptions } from "../support/command-line.ts";

let terminal: CommandLine;
let own: string;
beforeAll(async () => {
  terminal = await createCommandLine({ environment: { KGENTS_TEMPORAL_CLI: inject("temporalBinary") } });
  own = join(terminal.directory, "config/kgents/kgents.config.yaml");
});
afterAll(() => terminal[Symbol.asyncDispose]());
afterEach(async () => {
  await rm(own, { force: true });
  await rm(join(terminal.directory, "kgents.config.yaml"), { force: true });
});

/** Writes the user's own configuration file. */
const configure = (yaml: string) => terminal.file("config/kgents/kgents.config.yaml", yaml);
const exec = (args: string[], options?: RunOptions) => terminal.run(["exec", "--quiet", ...args], options);

/** One file for all settings that require a worker restart, because each restart takes time. */
const rich = `
languages:
  upper:
    fileName: main.upper
    command: [tr, a-z, A-Z]
    image: busybox:1.37
    aliases: [up]
  sh:
    aliases: [shell, posix]
defaults:
  timeout: 2
  cpu: 1
worker:
  limits: { timeout: 1m, memory: 256Mi }
  images: ["python:*"]
  network: false
`;

describe("what it changes", () => {
  test("a new language, by name, alias and extension", async () => {
    await configure(rich);
    // Its interpreter gets the file's path as an argument, which tr rejects, so the refusal shows that it ran.
    const { code, stderr } = await exec(["--lang", "up", "--code", "abc"]);
    expect(code).toBe(1);
    expect(stderr).toContain("extra operand");
    expect((await exec(["--file", await terminal.file("a.upper", "abc")])).stderr).toContain("extra operand");
    expect(await exec(["--lang", "posix", "--code", "echo hi"])).toMatchObject({ code: 0, stdout: "hi\n" });
  });

  test("a default, and a flag above it", async () => {
    await configure(rich);
    const began = performance.now();
    expect(await exec(["--lang", "sh", "--code", "sleep 60"])).toMatchObject({ code: 124 });
    expect(performance.now() - began).toBeLessThan(10_000);
    expect(await exec(["--lang", "sh", "--timeout", "1", "--code", "sleep 60"])).toMatchObject({
      code: 124,
      stderr: expect.stringContaining(""),
    });
  });

  const refused: [name: string, flags: string[], message: string][] = [
    ["a limit", ["--timeout", "2m"], "timeout: got 120 s; allowed is at most 60 s on this worker"],
    ["memory", ["--memory", "1Gi"], "memory: got 1Gi; allowed is at most 256Mi on this worker"],
    ["an image", ["--image", "ruby:3.4"], "image: got ruby:3.4; allowed is one of python:* on this worker"],
    ["network", ["--network"], "network: got true; allowed is false on this worker"],
  ];
  test.each(refused)("the worker's policy refuses %s", async (_, flags, message) => {
    await configure(rich);
    const { code, stdout, stderr } = await exec([...flags, "--code", "print(1)"]);
    expect({ code, stdout }).toEqual({ code: 125, stdout: "" });
    expect(stderr).toBe(`kgents: ${message}\n        Ask the worker's operator to allow it, or request less.\n`);
  });

  test("a dry run knows the languages and the defaults, too", async () => {
    await configure(rich);
    const { stdout } = await terminal.run(["exec", "--dry-run", "--json", "--lang", "up", "--code", "x"]);
    expect(JSON.parse(stdout)).toMatchObject({
      metadata: { labels: { "kgents.io/language": "upper" } },
      spec: { activeDeadlineSeconds: 362 },
    });
  });
});

describe("where it is found", () => {
  const language = (name: string): string => `defaults: { language: ${name} }\n`;
  const dryRun = async (args: string[] = [], options: RunOptions = {}): Promise<string> => {
    const { stdout, stderr } = await terminal.run(["exec", "--dry-run", "--json", "--code", "x", ...args], options);
    expect(stderr).toBe("");
    return JSON.parse(stdout).metadata.labels["kgents.io/language"];
  };

  test("--config, KGENTS_CONFIG, the user's own; over that one the working directory's", async () => {
    expect(await dryRun()).toBe("python");
    await configure(language("sh"));
    expect(await dryRun()).toBe("sh");
    await terminal.file("kgents.config.yaml", language("bash"));
    expect(await dryRun()).toBe("bash");
    const environment = { KGENTS_CONFIG: await terminal.file("by-variable.yaml", language("javascript")) };
    expect(await dryRun([], { environment })).toBe("javascript");
    const named = await terminal.file("by-flag.yaml", language("typescript"));
    expect(await dryRun(["--config", named], { environment })).toBe("typescript");
  });

  test("in the user's own configuration directory it is the user's own", async () => {
    await configure("worker: { maximumCells: 1 }");
    expect(await dryRun([], { directory: join(own, "..") })).toBe("python");
  });

  test.each(["", "# only a remark\n", "{}"])("an empty one says nothing: %j", async (text) => {
    await configure(text);
    expect(await dryRun()).toBe("python");
  });
});

describe("what is refused", () => {
  test("a program that a file of the working directory names is never run", async () => {
    const ran = join(terminal.directory, "ran");
    const program = await terminal.file(
      "tools/python3",
      `#!/bin/sh\n: >${ran}\necho '{"executable":"/bin/sh","paths":[]}'\n`,
    );
    await chmod(program, 0o755);
    const yaml = `languages: { python: { command: [${program}, -u] } }\n`;
    const path = await terminal.file("kgents.config.yaml", yaml);
    const { code, stdout, stderr } = await exec(["--code", "print(1)"]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toMatch(
      new RegExp(
        `^kgents: ${path}: languages\\.python\\.command: not allowed in a file of the working directory, which may set .*\\n` +
          `        Correct it, move what is named to ${own}, or name the file with --config or KGENTS_CONFIG\\.\\n$`,
      ),
    );
    expect(existsSync(ran)).toBe(false);
    expect(await terminal.run(["status"])).toMatchObject({ code: 2, stdout: "" });
    // Stopping must work even if the configuration is refused.
    expect(await terminal.run(["down", "--quiet"])).toMatchObject({ code: 0, stderr: "" });
  });

  const mistakes: [name: string, yaml: string, message: string][] = [
    ["YAML that is none", "defaults:\n  timeout: 1\n bad: 2\n", "at line 3, column 1"],
    ["a key twice", "retention: 1d\nretention: 2d\n", "Map keys must be unique at line 2, column 1"],
    ["more than one document", "{}\n---\n{}\n", "multiple documents"],
    ["a field that does not exist", "defaults: { timeot: 1 }", "defaults.timeot: got an unknown field"],
    ["a value out of bounds", "worker: { maximumCells: 0 }", "worker.maximumCells: got 0; allowed is a whole number"],
    ["something else than a mapping", "- a\n", "configuration: got a list of 1; allowed is an object"],
    ["text", "yes please\n", "configuration: got"],
    ["a bomb of aliases", `a: &a [x]\n${bomb()}`, "alias"],
  ];
  test.each(mistakes)("%s names the file and the place", async (_, yaml, message) => {
    const path = await configure(yaml);
    const { code, stdout, stderr } = await terminal.run(["exec", "--dry-run", "--code", "print(1)"]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr.startsWith(`kgents: ${path}: `), stderr).toBe(true);
    expect(stderr).toContain(message);
    expect(stderr).toContain("        Correct the named setting in the configuration file.\n");
  });

  test("a directory in its place", async () => {
    const { code, stderr } = await terminal.run(["exec", "--code", "x", "--config", terminal.directory]);
    expect(code).toBe(2);
    expect(stderr).toContain("Name a file that can be read, with --config or KGENTS_CONFIG.");
  });
});

/** Nested YAML aliases that would expand to billions of items. */
function bomb(): string {
  const names = "abcdefghij";
  const line = (name: string, index: number): string =>
    `${name}: &${name} [${Array(10).fill(`*${names[index]}`).join(", ")}]`;
  return [...names.slice(1)].map(line).join("\n");
}

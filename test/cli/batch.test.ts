/** `kgents batch`: request files in, result lines out. */
import { existsSync } from "node:fs";
import { link, readFile, symlink } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { type CommandLine, createCommandLine, shellLine } from "../support/command-line.ts";

let terminal: CommandLine;
beforeAll(async () => {
  terminal = await createCommandLine({ environment: { KGENTS_TEMPORAL_CLI: inject("temporalBinary") } });
});
afterAll(() => terminal[Symbol.asyncDispose]());

const lines = (...requests: object[]): string => requests.map((request) => `${JSON.stringify(request)}\n`).join("");
const sh = (code: string) => ({ code, language: "sh" });
const parsed = (text: string) =>
  text
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));

test("each result is a line, in the order of the requests; exit 1 where one did not succeed", async () => {
  const file = await terminal.file(
    "mixed.ndjson",
    `${lines(sh("echo one"))}\n${lines(sh("echo two; exit 3"), { code: "x", language: "klingon" })}`,
  );
  const { code, stdout, stderr } = await terminal.run(["batch", file, "--id", "mixed"]);
  expect(code, stderr).toBe(1);
  expect(parsed(stdout)).toMatchObject([
    { id: "mixed/1", status: "succeeded", stdout: { text: "one\n" } },
    { id: "mixed/2", status: "failed", exitCode: 3 },
    { id: "mixed/3", error: { kind: "unsupported-language", remedy: expect.any(String) } },
  ]);
  expect(stderr).toContain("kgents: started the batch mixed: 3 runs\n");
  expect(stderr).toContain("kgents: done: 1 succeeded, 1 failed, 1 error\n");
});

test("the same file under the same id attaches, and gives the results again", async () => {
  const file = await terminal.file("again.ndjson", lines(sh("date +%N"), sh("date +%N")));
  const [first, second] = [
    await terminal.run(["batch", file, "--id", "again"]),
    await terminal.run(["batch", file, "--id", "again", "--results", "results.ndjson"]),
  ];
  expect([first.code, second.code, second.stdout]).toEqual([0, 0, ""]);
  expect(second.stderr).toContain("attached to the batch again: 2 runs");
  expect(await readFile(join(terminal.directory, "results.ndjson"), "utf8")).toBe(first.stdout);
});

test("the README's example", async () => {
  const file = fileURLToPath(new URL("../../examples/requests.ndjson", import.meta.url));
  const { code, stdout } = await terminal.run(["batch", file]);
  expect(code).toBe(0);
  expect(parsed(stdout).map((result) => result.stdout.text)).toEqual([
    "42\n",
    "hello from line two\n",
    "[ 1, 2, 3 ]\n",
  ]);
});

test("from a pipe, detached, and waited for by its runs' ids", async () => {
  const { code, stdout } = await terminal.run(["batch", "-", "--id", "piped", "--detach"], {
    input: lines(sh("exit 4")),
  });
  expect({ code, stdout }).toEqual({ code: 0, stdout: "piped\n" });
  await expect.poll(async () => (await terminal.run(["wait", "piped/1"])).code).toBe(4);
});

test.each(["SIGINT", "SIGHUP"] as const)("%s cancels, and waits until nothing is left", async (signal) => {
  const id = `long-${signal}`;
  const file = await terminal.file("long.ndjson", lines(sh("echo begun; sleep 600"), sh("sleep 600"), sh("sleep 600")));
  const running = terminal.start(["batch", file, "--id", id, "--concurrency", "1"]);
  await running.says("stderr", `started the batch ${id}`);
  await expect.poll(async () => (await terminal.run(["logs", `${id}/1`])).stdout).toBe("begun\n");
  running.child.kill(signal);
  const { code, stdout, stderr } = await running.ended;
  expect(code, stderr).toBe(130);
  expect(parsed(stdout).map((line) => line.status ?? line.error.kind)).toEqual([
    "cancelled",
    "terminated",
    "terminated",
  ]);
  expect(stderr).toContain("cancelling; a second time exits at once");
  expect(stderr).toContain("kgents: cancelled: 1 cancelled, 2 error");
  expect((await terminal.run(["ps", "--json"])).stdout).toBe("");
});

test("a batch that was left is cancelled by its id", async () => {
  const file = await terminal.file("left.ndjson", lines(sh("sleep 600"), sh("sleep 600")));
  await terminal.run(["batch", file, "--id", "left", "--detach"]);
  const cancelled = await terminal.run(["cancel", "left"]);
  expect(cancelled).toMatchObject({ code: 0, stderr: "kgents: left is cancelled\n" });
  expect((await terminal.run(["cancel", "left"])).stderr).toBe("kgents: left had already ended: cancelled\n");
  expect((await terminal.run(["ps", "--json"])).stdout).toBe("");
});

describe("nothing is lost of what stands where results go", () => {
  test.each<[how: string, prepare: (file: string, place: string) => Promise<void>]>([
    ["itself", async () => {}],
    ["a hard link to it", (file, place) => link(file, place)],
    ["a symbolic link to it", (file, place) => symlink(file, place)],
  ])("the file of the requests is refused: %s", async (how, prepare) => {
    const content = lines(sh("true"));
    const file = await terminal.file("own.ndjson", content);
    const place = how === "itself" ? file : join(terminal.directory, how.replaceAll(" ", "-"));
    await prepare(file, place);
    const { code, stderr } = await terminal.run(["batch", file, "--results", place]);
    expect({ code, stderr }).toEqual({
      code: 2,
      stderr: `kgents: --results: this is the file of the requests; allowed is another file
        Name another file for the results.
`,
    });
    expect(await readFile(file, "utf8")).toBe(content);
  });

  test("also where they come from standard input, or go to standard output", async () => {
    const content = lines(sh("true"));
    const file = await terminal.file("own.ndjson", content);
    for (const line of ["batch - --results own.ndjson <own.ndjson", "batch own.ndjson >>own.ndjson"]) {
      const { code, stderr } = await terminal.program("bash", shellLine(`kgents ${line}`));
      expect({ code, stderr }).toEqual({
        code: 2,
        stderr: expect.stringContaining("this is the file of the requests"),
      });
      expect(await readFile(file, "utf8")).toBe(content);
    }
  });

  test("requests that are refused leave older results as they are, and make no file", async () => {
    const file = await terminal.file("wrong.ndjson", `${lines(sh("true"))}{oops\n`);
    const old = await terminal.file("old.ndjson", "old\n");
    for (const place of [old, "new.ndjson"])
      expect((await terminal.run(["batch", file, "--results", place])).code).toBe(2);
    expect(await readFile(old, "utf8")).toBe("old\n");
    expect(existsSync(join(terminal.directory, "new.ndjson"))).toBe(false);
  });

  test("results that cannot be written end the batch", async () => {
    const file = await terminal.file("full.ndjson", lines(sh("true"), sh("sleep 616.5")));
    const { code, stderr } = await terminal.run(["batch", file, "--id", "full", "--results", "/dev/full"]);
    expect(code).toBe(125);
    expect(stderr).toContain(
      "kgents: --results: /dev/full cannot be written: ENOSPC: no space left on device, write; the batch full is cancelled\n",
    );
    expect((await terminal.run(["wait", "full/2"])).code).toBe(130);
  });
});

test("only \\n ends a line: U+2028 stands in a string as it is", async () => {
  const { code, stdout, stderr } = await terminal.run(["batch", "-"], { input: lines(sh("echo 'a\u2028b'")) });
  expect(code, stderr).toBe(0);
  expect(parsed(stdout)).toMatchObject([{ stdout: { text: "a\u2028b\n" } }]);
});

describe("wrong usage: exit 2, and nothing is started", () => {
  test.each<[string, string[], string | Buffer, RegExp]>([
    ["bytes that are no text", ["FILE"], Buffer.from([0x22, 0xe9, 0x22]), /file: line 1: got bytes that are not UTF-8/],
    ["no JSON", ["FILE"], '{"code":"x"}\n{oops\n', /file: line 2: got no JSON/],
    [
      "a field that is wrong",
      ["FILE"],
      lines(sh("true"), { ...sh("true"), cpu: "much" }),
      /request 2: cpu: got "much"/,
    ],
    ["nothing", ["FILE"], "\n\n", /requests: got none/],
    ["no file", ["nowhere.ndjson"], "", /file: nowhere\.ndjson: there is no such file/],
    [
      "a place for results that is none",
      ["FILE", "--results", "/nowhere/at/all"],
      lines(sh("true")),
      /--results: \/nowhere\/at\/all: there is no such file/,
    ],
    [
      "a number that is none",
      ["FILE", "--concurrency", "many"],
      lines(sh("true")),
      /concurrency: got NaN; allowed is a whole number from 1 to 100/,
    ],
  ])("%s", async (_, args, content, message) => {
    const file = await terminal.file("wrong.ndjson", content);
    const { code, stderr } = await terminal.run(["batch", ...args.map((word) => (word === "FILE" ? file : word))]);
    expect(stderr).toMatch(message);
    expect(code).toBe(2);
  });
});

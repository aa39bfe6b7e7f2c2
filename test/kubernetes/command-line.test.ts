/** The command line on a prepared cluster. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { CommandLine } from "../support/command-line.ts";
import { createTerminal } from "./infra-support.ts";
import { type CellNamespace, cellNamespace } from "./support.ts";

let namespace: CellNamespace;
let terminal: CommandLine;
beforeAll(async () => {
  namespace = await cellNamespace();
  terminal = await createTerminal();
  const worker = { kubernetes: { namespace: namespace.name } };
  await terminal.file("config/kgents/kgents.config.yaml", JSON.stringify({ worker }));
});
afterAll(async () => {
  await terminal?.run(["down"]);
  await terminal?.[Symbol.asyncDispose]();
  await namespace?.[Symbol.asyncDispose]();
});

const exec = (...args: string[]) => terminal.run(["exec", "--quiet", "--ttl", "1", ...args]);

it.each<[args: string[], expected: { code: number; stdout?: string; stderr?: string }]>([
  [["--code", "print('hello')"], { code: 0, stdout: "hello\n", stderr: "" }],
  [["--code", "echo hi", "--lang", "shell"], { code: 0, stdout: "hi\n" }],
  [["--timeout", "60", "--cpu", "200m", "--code", "print('limits')"], { code: 0, stdout: "limits\n" }],
  [["--network", "--code", "print('network')"], { code: 0, stdout: "network\n" }],
  [["--lang", "sh", "--code", "echo out; echo err >&2; exit 3"], { code: 3, stdout: "out\n", stderr: "err\n" }],
  [["--lang", "sh", "--timeout", "1", "--code", "echo out; sleep 60"], { code: 124, stdout: "out\n" }],
  [["--lang", "sh", "--code", "kill -9 $$"], { code: 137 }],
  [["--lang", "sh", "--code", 'echo "$1 $NAME"', "--arg", "hi", "--env", "NAME=you"], { code: 0, stdout: "hi you\n" }],
  [["--lang", "sh", "--code", "true", "--image", "127.0.0.1:5001/none:1", "--startup-timeout", "5"], { code: 125 }],
])("kgents exec %j", async (args, expected) => {
  const ended = await exec("--backend", "kubernetes", ...args);
  expect(ended.code, ended.stderr).toBe(expected.code);
  if (expected.stdout !== undefined) expect(ended.stdout).toBe(expected.stdout);
  if (expected.stderr !== undefined) expect(ended.stderr).toBe(expected.stderr);
});

it("a prepared cluster is used by itself, and the result says so", async () => {
  const { stdout } = await exec("--json", "--code", "print(1)");
  expect(JSON.parse(stdout)).toMatchObject({ backend: "kubernetes", fallback: null, status: "succeeded" });
});

it("doctor says what the cluster is worth", async () => {
  const { code, stdout, stderr } = await terminal.run(["doctor", "--json"]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  expect(JSON.parse(stdout).checks).toContainEqual({
    ...{ name: "Cluster", status: "ok", remedy: null },
    found: expect.stringMatching(/network isolation is verified$/),
  });
  expect(JSON.parse(stdout).checks).toContainEqual(expect.objectContaining({ name: "Rights", status: "ok" }));
});

it("files go in and come out, and code from a file", async () => {
  await terminal.file("script.py", "print(open('in.txt').read().upper()); open('out.txt', 'w').write('made')");
  await terminal.file("in.txt", "given");
  const ended = await exec("--file", "script.py", "--input", "in.txt", "--output", "*.txt", "--output-dir", "back");
  expect(ended).toMatchObject({ code: 0, stdout: "GIVEN\n" });
  expect(await readFile(join(terminal.directory, "back", "out.txt"), "utf8")).toBe("made");
});

it("output appears while the code runs, and Ctrl-C leaves nothing", async () => {
  const args = [
    "exec",
    "--backend",
    "kubernetes",
    "--lang",
    "sh",
    "--code",
    "echo early; sleep 600",
    "--timeout",
    "700",
  ];
  const running = terminal.start(args);
  await running.says("stdout", "early");
  running.child.kill("SIGINT");
  expect(await running.ended).toMatchObject({ code: 130, stdout: "early\n" });
  await expect.poll(() => namespace.left(), { timeout: 60_000, interval: 300 }).toEqual([]);
});

it("status says what the cluster enforces", async () => {
  const { code, stdout } = await terminal.run(["status", "--json"]);
  expect(code).toBe(0);
  expect(JSON.parse(stdout).backends.kubernetes).toMatchObject({
    available: true,
    isolation: { level: "cluster", network: { enforced: true } },
  });
});

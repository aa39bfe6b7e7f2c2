/** What the command line loads. */
import { randomUUID } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type CommandLine, createCommandLine } from "../support/command-line.ts";

let terminal: CommandLine;
beforeAll(async () => {
  terminal = await createCommandLine();
  await terminal.run(["exec", "--id", "first", "--code", "print(1)"]);
});
afterAll(() => terminal[Symbol.asyncDispose]());

/** The files that a command has loaded, by V8's list of them. */
async function loadedBy(args: readonly string[], environment: NodeJS.ProcessEnv = {}): Promise<string[]> {
  const NODE_V8_COVERAGE = join(terminal.directory, `loaded-${randomUUID()}`);
  const { code, stderr } = await terminal.run(args, { environment: { ...environment, NODE_V8_COVERAGE } });
  expect({ code, stderr }).toMatchObject({ code: 0 });
  const loaded: string[] = [];
  for (const name of await readdir(NODE_V8_COVERAGE)) {
    const { result } = JSON.parse(await readFile(join(NODE_V8_COVERAGE, name), "utf8"));
    for (const { url } of result) if (url.startsWith("file:")) loaded.push(fileURLToPath(url));
  }
  return loaded;
}

async function loadsGrpc(args: readonly string[], environment?: NodeJS.ProcessEnv): Promise<boolean> {
  const sources = await Promise.all((await loadedBy(args, environment)).map((path) => readFile(path, "utf8")));
  expect(sources.length).toBeGreaterThan(5);
  return sources.some((source) => source.includes("node_modules/@grpc/grpc-js/"));
}

it.each([
  [["exec", "-q", "--code", "print(2)"]],
  [["exec", "-q", "--json", "--output", "*", "--code", "open('a', 'w')"]],
  [["ps", "--all"]],
  [["show", "first"]],
  [["logs", "first"]],
  [["attach", "first"]],
  [["wait", "first"]],
  [["cancel", "first"]],
])("kgents %j on our own server uses its HTTP API, and does not load gRPC", async (args) => {
  expect(await loadsGrpc(args)).toBe(false);
});

it("a server that is named is reached by gRPC", async () => {
  expect(await loadsGrpc(["ps"], { TEMPORAL_ADDRESS: `127.0.0.1:${terminal.port}` })).toBe(true);
});

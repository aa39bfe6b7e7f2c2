/** `kgents mcp` as a process: what it writes to which stream, and how it stops. */
import { readdir, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import type { CommandLine, Running } from "../support/command-line.ts";
import { leftoversOf } from "../support/leftovers.ts";
import { processesRunning } from "../support/processes.ts";
import { kgentsEntry } from "../support/worker-process.ts";
import { connectByStdio, openTerminal, textOf } from "./support.ts";

let terminal: CommandLine;
beforeAll(async () => {
  terminal = await openTerminal(inject("temporalBinary"));
});
afterAll(() => terminal[Symbol.asyncDispose]());

const initialize = {
  jsonrpc: "2.0",
  id: 1,
  method: "initialize",
  params: { protocolVersion: "2025-06-18", capabilities: {}, clientInfo: { name: "by-hand", version: "1" } },
};
const initialized = { jsonrpc: "2.0", method: "notifications/initialized" };
const callOf = (id: number, code: string) => ({
  jsonrpc: "2.0",
  id,
  method: "tools/call",
  params: {
    name: "run_code",
    arguments: { code, language: "sh", timeout: "2h", id: `by-hand-${id}` },
    _meta: { progressToken: id },
  },
});

/** Starts a server with hand-written input. */
function startByHand(messages: readonly (object | string)[]): Running {
  const running = terminal.start(["mcp"], { input: null });
  for (const message of messages) {
    running.child.stdin?.write(`${typeof message === "string" ? message : JSON.stringify(message)}\n`);
  }
  return running;
}

const linesOf = (stdout: string): unknown[] =>
  stdout
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));

test("two clients at once, on a stack that neither has started", async () => {
  const agents = await Promise.all([connectByStdio(terminal, "2025", "one"), connectByStdio(terminal, "2026", "two")]);
  const answers = await Promise.all(
    agents.flatMap((agent, index) =>
      [0, 1, 2].map((call) => agent.call("run_code", { code: `print(${index}, ${call})` })),
    ),
  );
  expect(answers.map(({ structuredContent }) => structuredContent)).toMatchObject(
    [0, 1].flatMap((index) => [0, 1, 2].map((call) => ({ stdout: { text: `${index} ${call}\n` } }))),
  );
  for (const agent of agents) {
    expect(agent.stderr()).toMatch(/^(kgents: .*\n)*$/);
    await agent[Symbol.asyncDispose]();
  }
});

test("what is no JSON is passed over, and standard output has the protocol only", async () => {
  const running = startByHand(["this is no JSON", '{"jsonrpc":"2.0"}', "[]", initialize, initialized]);
  await running.says("stdout", '"id":1');
  running.child.stdin?.write(`${JSON.stringify(callOf(2, "echo hello"))}\n{"jsonrpc": "2.0", "id": 3\n`);
  await running.says("stdout", '"id":2');
  running.child.stdin?.end();
  const { code, stdout, stderr } = await running.ended;
  expect(code).toBe(0);
  expect(linesOf(stdout).filter((line) => "id" in (line as object))).toMatchObject([
    { id: 1, result: { serverInfo: { name: "kgents" }, instructions: expect.stringContaining("run_code") } },
    { id: 2, result: { structuredContent: { stdout: { text: "hello\n" } } } },
  ]);
  expect(stderr).toMatch(/^kgents: MCP: /m);
});

describe("the end of the server", () => {
  test.each<[string, number, (running: Running) => void]>([
    ["the client closes its end", 5321, ({ child }) => void child.stdin?.end()],
    ["SIGTERM", 5322, ({ child }) => void child.kill("SIGTERM")],
    ["SIGINT", 5323, ({ child }) => void child.kill("SIGINT")],
    ["the client does not read any more", 5324, ({ child }) => void child.stdout?.destroy()],
  ])("%s: what runs is cancelled and cleaned up before", async (name, seconds, end) => {
    const running = startByHand([initialize, initialized]);
    running.child.stdin?.write(`${JSON.stringify(callOf(seconds, `echo begun; sleep ${seconds} & sleep 1; wait`))}\n`);
    await running.says("stdout", "stdout> begun");
    await expect.poll(() => processesRunning(`sleep ${seconds}`)).toHaveLength(1);
    end(running);
    if (name === "the client does not read any more") {
      // It notices on its next write.
      running.child.stdin?.write(`${JSON.stringify({ jsonrpc: "2.0", id: 9, method: "ping" })}\n`);
    }
    const { code } = await running.ended;
    expect(code).toBe(name === "the client does not read any more" ? 141 : 0);
    await using agent = await connectByStdio(terminal);
    const { structuredContent } = await agent.call("get_execution", { id: `by-hand-${seconds}` });
    expect(structuredContent).toMatchObject({ status: "cancelled", result: { stdout: { text: "begun\n" } } });
    expect(await processesRunning(`sleep ${seconds}`)).toEqual([]);
    expect((await leftoversOf(terminal.state)).cells).toEqual([]);
  });

  test("a run that was only started goes on", async () => {
    const first = await connectByStdio(terminal);
    await first.call("start_code", { code: "import time; time.sleep(2); print('survived')", id: "survivor" });
    await first[Symbol.asyncDispose]();
    await using second = await connectByStdio(terminal);
    const answer = await second.call("get_execution", { id: "survivor", wait_seconds: 50 });
    expect(answer.structuredContent).toMatchObject({ status: "succeeded", result: { stdout: { text: "survived\n" } } });
  });
});

test("a stack that was stopped meanwhile is started again", async () => {
  await using agent = await connectByStdio(terminal);
  expect(textOf(await agent.call("run_code", { code: "print(1)" }))).toContain("\n1\n");
  expect((await terminal.run(["down"])).code).toBe(0);
  expect(textOf(await agent.call("run_code", { code: "print(2)" }))).toContain("\n2\n");
});

test("other commands do not load the SDK", async () => {
  const folder = dirname(kgentsEntry);
  /** A file of the bundle, with everything it loads. */
  const load = async (file: string, loaded = new Map<string, string>()): Promise<Map<string, string>> => {
    if (loaded.has(file)) return loaded;
    const source = await readFile(join(folder, file), "utf8");
    loaded.set(file, source);
    for (const [, next = ""] of source.matchAll(/^(?:const .* = )?require\("\.\/(chunk-[^"]+)"\);$/gm))
      await load(next, loaded);
    return loaded;
  };
  const chunk = async (name: string): Promise<string> => {
    const [found = ""] = (await readdir(folder)).filter((file) => new RegExp(`^chunk-${name}-.{8}\\.cjs$`).test(file));
    return found;
  };
  const withSdk = async (file: string): Promise<string[]> =>
    [...(await load(file))].filter(([, source]) => source.includes("io.modelcontextprotocol/")).map(([name]) => name);
  expect(await withSdk(await chunk("mcp"))).not.toEqual([]);
  for (const file of ["program.cjs", await chunk("exec"), await chunk("stack")])
    expect(await withSdk(file)).toEqual([]);
});

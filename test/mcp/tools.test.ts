/** Every tool, over both transports and in both protocol versions. */
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import type { CommandLine } from "../support/command-line.ts";
import {
  type Agent,
  connectByHttp,
  connectByStdio,
  eras,
  type HttpServer,
  openTerminal,
  startHttp,
  textOf,
} from "./support.ts";

let terminal: CommandLine;
let server: HttpServer;
beforeAll(async () => {
  terminal = await openTerminal(inject("temporalBinary"));
  server = await startHttp(terminal);
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  await terminal[Symbol.asyncDispose]();
});

const ways = eras.flatMap((era) => [["stdio", era] as const, ["http", era] as const]);

describe.each(ways)("by %s, as of %s", (transport, era) => {
  let agent: Agent;
  beforeAll(async () => {
    agent = transport === "stdio" ? await connectByStdio(terminal, era) : await connectByHttp(server.url, era);
  });
  afterAll(() => agent[Symbol.asyncDispose]());

  test("lists tools with what a client wants to know of them", async () => {
    const { tools } = await agent.client.listTools();
    const hints = tools.map(({ name, annotations }) => [
      name,
      annotations?.readOnlyHint,
      annotations?.destructiveHint,
      annotations?.idempotentHint,
      annotations?.openWorldHint,
    ]);
    expect(hints).toEqual([
      ["run_code", false, false, false, true],
      ["start_code", false, false, false, true],
      ["get_execution", true, false, true, false],
      ["read_output", true, false, true, false],
      ["cancel_execution", false, true, true, false],
      ["list_executions", true, false, true, false],
      ["list_languages", true, false, true, false],
      ["write_files", false, true, true, false],
      ["read_files", true, false, true, false],
      ["list_files", true, false, true, false],
    ]);
    for (const { title, description, inputSchema, outputSchema } of tools) {
      expect(title?.length).toBeGreaterThan(5);
      expect(description?.length).toBeGreaterThan(40);
      expect(inputSchema).toMatchObject({ type: "object", additionalProperties: false });
      // Allowed keywords: test/unit/model-schema.test.ts.
      expect(inputSchema).not.toHaveProperty("$schema");
      expect(outputSchema).toMatchObject({ type: "object" });
    }
  });

  test("run_code", async () => {
    const answer = await agent.call("run_code", {
      code: "import sys; print(sys.stdin.read(), sys.argv[1]); print('oh', file=sys.stderr); sys.exit(3)",
      args: ["there"],
      stdin: "hello",
      timeout: "20s",
      // Models use null for fields that are not given.
      language: null,
      files: null,
      env: null,
      memory: null,
      id: null,
    });
    expect(answer.isError).toBeFalsy();
    expect(answer.structuredContent).toMatchObject({
      status: "failed",
      exitCode: 3,
      language: "python",
      backend: "subprocess",
      isolation: "sandbox",
      stdout: { text: "hello there\n", tail: "", encoding: "utf-8", bytes: 12, omittedBytes: 0, nextOffset: null },
      stderr: { text: "oh\n" },
    });
    expect(textOf(answer)).toMatch(/^failed, exit code 3 \(python, subprocess, [\d.]+ s, run exec-[^)]+\)\n/);
    expect(textOf(answer)).toMatch(
      /<stdout ([0-9a-f]{12})>\nhello there\n<\/stdout \1>\n<stderr \1>\noh\n<\/stderr \1>$/,
    );
  });

  test("start_code, get_execution, read_output, cancel_execution", async () => {
    const id = `${transport}-${era}`;
    const code = "echo begun; sleep 600";
    const started = await agent.call("start_code", { code, language: "sh", timeout: "20m", id });
    expect(started.structuredContent).toMatchObject({ id, attached: false, uiUrl: expect.stringContaining(id) });

    const running = await agent.call("get_execution", { id });
    expect(running.structuredContent).toMatchObject({ id, status: "running", result: null, failure: null });

    await expect
      .poll(async () => (await agent.call("read_output", { id })).structuredContent, { timeout: 60_000 })
      .toMatchObject({ text: "begun\n", nextOffset: 6, totalBytes: 6, isEnd: false });

    const cancelled = await agent.call("cancel_execution", { id });
    expect(cancelled.structuredContent).toMatchObject({
      id,
      status: "cancelled",
      phase: null,
      result: { status: "cancelled", stdout: { text: "begun\n" } },
    });
    expect((await agent.call("cancel_execution", { id })).structuredContent).toMatchObject({ status: "cancelled" });

    const waited = await agent.call("get_execution", { id, wait_seconds: 50 });
    expect(waited.structuredContent).toMatchObject({ status: "cancelled", result: { stdout: { text: "begun\n" } } });
    expect(textOf(waited)).toMatch(/^cancelled/);
    const end = await agent.call("read_output", { id, offset: 2, length: 2 });
    expect(end.structuredContent).toMatchObject({ offset: 2, text: "gu", nextOffset: 4, isEnd: false });
    expect((await agent.call("read_output", { id, offset: 6 })).structuredContent).toMatchObject({
      text: "",
      isEnd: true,
    });
  });

  test("list_executions", async () => {
    const { structuredContent } = await agent.call("run_code", {
      code: "# the title\nprint(1)",
      id: `listed-${transport}-${era}`,
    });
    const { id } = structuredContent as { id: string };
    await expect
      .poll(async () => (await agent.call("list_executions", { limit: 5, status: "succeeded" })).structuredContent)
      .toMatchObject({
        executions: expect.arrayContaining([
          expect.objectContaining({ id, status: "succeeded", title: "# the title", requester: "mcp:test-agent" }),
        ]),
      });
    expect(textOf(await agent.call("list_executions", { status: "lost" }))).toBe("There are no such runs.");
  });

  test("list_languages", async () => {
    const answer = await agent.call("list_languages");
    expect(answer.structuredContent).toMatchObject({
      languages: expect.arrayContaining([expect.objectContaining({ name: "python", aliases: ["py", "python3"] })]),
    });
    expect(textOf(answer)).toContain("python (py, python3)\nsh (shell)\n");
  });

  test("progress: what the code writes, while it runs", async () => {
    const told: { progress: number; message?: string | undefined }[] = [];
    const first = Promise.withResolvers<void>();
    const answer = agent.call(
      "run_code",
      {
        // Long enough to report the first lines before the end, even on a busy machine.
        code: "import os, time\nprint('one', flush=True)\nprint('two\\nthree', flush=True)\ntime.sleep(3)\nprint('four')",
      },
      {
        onprogress: (update) => {
          told.push(update);
          first.resolve();
        },
      },
    );
    const which = await Promise.race([first.promise.then(() => "progress"), answer.then(() => "answer")]);
    expect(which).toBe("progress");
    expect((await answer).structuredContent).toMatchObject({ stdout: { text: "one\ntwo\nthree\nfour\n" } });
    expect(told.map(({ message }) => message).join("\n")).toMatch(/^stdout> one\nstdout> two\nstdout> three/);
    const steps = told.map(({ progress }) => progress);
    expect(steps).toEqual([...new Set(steps)].sort((one, other) => one - other));
  });

  test.each<[string, string, object, object]>([
    [
      "a bad value",
      "run_code",
      { code: "1", memory: "lots" },
      {
        kind: "invalid-request",
        field: "memory",
        message: expect.stringContaining('got "lots"; allowed is a quantity'),
      },
    ],
    [
      "an unknown field",
      "run_code",
      { code: "1", timout: 3 },
      { field: "timout", message: expect.stringContaining("(did you mean timeout?)") },
    ],
    ["a field of the operator", "run_code", { code: "1", image: "python:3" }, { field: "image" }],
    ["no code", "start_code", {}, { field: "code", message: expect.stringContaining("got nothing") }],
    [
      "an unknown language",
      "run_code",
      { code: "1", language: "cobol" },
      { kind: "unsupported-language", field: "language" },
    ],
    [
      "an unknown run",
      "get_execution",
      { id: "nobody" },
      { kind: "not-found", remedy: expect.stringContaining("`list_executions` by MCP") },
    ],
    [
      "another request under the same id",
      "run_code",
      { code: "2", id: `listed-${transport}-${era}` },
      { kind: "id-conflict" },
    ],
    [
      "a file that is not there",
      "read_output",
      { id: `listed-${transport}-${era}`, file: "x" },
      { kind: "not-found", field: "file" },
    ],
    ["too much at once", "read_output", { id: "x", length: 1e9 }, { field: "length" }],
  ])("%s is an answer that says what to change", async (_, tool, input, failure) => {
    const { isError, content, _meta } = await agent.call(tool, input as Record<string, unknown>);
    expect(isError).toBe(true);
    expect(_meta?.["kgents.io/failure"]).toMatchObject(failure);
    expect(content).toMatchObject([
      { text: expect.stringMatching(/^error: [a-z-]+\nmessage: .+\n(field: .+\n)?what to do: .+$/) },
    ]);
  });

  test("a tool that does not exist", async () => {
    await expect(agent.call("rm")).rejects.toThrow(/rm not found/);
  });
});

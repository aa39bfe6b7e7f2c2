/** The tools of `kgents mcp` with the official SDK's client. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Agent, connectByStdio, textOf } from "../mcp/support.ts";
import { type Doors, type Visitor, visitorOf } from "./doors.ts";

export function testMcpTools(get: () => Doors): void {
  let doors: Doors;
  let visitor: Visitor;
  let agent: Agent;
  beforeAll(async () => {
    doors = get();
    visitor = visitorOf(doors);
    agent = await connectByStdio(doors.terminal);
  });
  afterAll(() => agent[Symbol.asyncDispose]());

  test("run_code: streams apart, files in and out, as many as can be, and where it ran", async () => {
    const answer = await agent.call("run_code", {
      code: "import os, sys\nprint(len(os.listdir('in')), open('in/255').read())\nprint('oh', file=sys.stderr)\nopen('out.csv', 'w').write('x,y\\n')\nsys.exit(3)",
      files: Array.from({ length: 256 }, (_, index) => ({ name: `in/${index}`, content: `content ${index}` })),
      outputs: ["*.csv"],
      timeout: "60s",
    });
    expect(answer.structuredContent).toMatchObject({
      status: "failed",
      exitCode: 3,
      backend: doors.backend,
      isolation: doors.level,
      stdout: { text: "256 content 255\n" },
      stderr: { text: "oh\n" },
      files: [{ name: "out.csv", bytes: 4 }],
    });
    expect(textOf(answer)).toContain(`failed, exit code 3 (python, ${doors.backend}, `);
    const { isError, _meta } = await agent.call("run_code", {
      code: "1",
      files: Array.from({ length: 257 }, (_, index) => ({ name: String(index), content: "" })),
    });
    expect(isError).toBe(true);
    expect(_meta?.["kgents.io/failure"]).toMatchObject({
      field: "files",
      message: expect.stringContaining("got a list of 257; allowed is at most 256 files"),
    });
  });

  test("run_code: what the code writes is told while it runs", async () => {
    const told: string[] = [];
    const first = Promise.withResolvers<string>();
    const answer = agent.call(
      "run_code",
      { code: "echo one; echo two; sleep 3; echo three", language: "sh" },
      {
        onprogress: ({ message = "" }) => {
          told.push(message);
          if (message.includes("stdout> one")) first.resolve("progress");
        },
      },
    );
    expect(await Promise.race([first.promise, answer.then(() => "answer")])).toBe("progress");
    expect((await answer).structuredContent).toMatchObject({ stdout: { text: "one\ntwo\nthree\n" } });
    expect(told.join("\n")).toContain("stdout> one\nstdout> two");
  });

  test("run_code: cancelling the call cancels the run, and nothing is left", async () => {
    const controller = new AbortController();
    const begun = Promise.withResolvers<void>();
    const answer = agent.call(
      "run_code",
      { code: "echo begun; exec sleep 4331", language: "sh", timeout: "2h", id: "called-off" },
      {
        signal: controller.signal,
        onprogress: ({ message }) => void (message?.includes("stdout> begun") && begun.resolve()),
      },
    );
    answer.catch(() => {});
    await begun.promise;
    controller.abort();
    await expect(answer).rejects.toThrow();
    const { structuredContent } = await agent.call("get_execution", { id: "called-off", wait_seconds: 50 });
    expect(structuredContent).toMatchObject({ status: "cancelled", result: { stdout: { text: "begun\n" } } });
    await visitor.expectNothingLeft("called-off", "sleep 4331");
  });

  test("start_code, get_execution, read_output by offset, cancel_execution, list_executions", async () => {
    const id = "started";
    const started = await agent.call("start_code", {
      id,
      code: "# the title\necho begun; sleep 4332",
      language: "sh",
      timeout: "20m",
    });
    expect(started.structuredContent).toMatchObject({ id, attached: false, uiUrl: expect.stringContaining(id) });
    await expect
      .poll(async () => (await agent.call("read_output", { id })).structuredContent, { timeout: 60_000 })
      .toMatchObject({ text: "begun\n", nextOffset: 6, totalBytes: 6, isEnd: false });
    expect((await agent.call("get_execution", { id })).structuredContent).toMatchObject({
      id,
      status: "running",
      phase: "executing",
      result: null,
      failure: null,
    });
    const running = await agent.call("list_executions", { status: "running" });
    expect(running.structuredContent).toMatchObject({ executions: [{ id, title: "# the title" }] });

    const cancelled = await agent.call("cancel_execution", { id });
    await visitor.expectNothingLeft(id, "sleep 4332");
    expect(cancelled.structuredContent).toMatchObject({
      id,
      status: "cancelled",
      phase: null,
      result: { backend: doors.backend, stdout: { text: "begun\n" } },
    });
    expect((await agent.call("read_output", { id, offset: 2, length: 2 })).structuredContent).toMatchObject({
      offset: 2,
      text: "gu",
      nextOffset: 4,
      isEnd: false,
    });
    expect((await agent.call("read_output", { id, offset: 6 })).structuredContent).toMatchObject({
      text: "",
      isEnd: true,
    });
  });
}

import { randomUUID } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Client } from "@temporalio/client";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import type { CodeSession } from "#client/sdk/sessions/code-session";
import { existingCodeSession, openCodeSession } from "#client/sdk/sessions/open-session";
import { codeSessionWorkflow, sessionUpdates } from "#core/contract/session/names";
import type { CallResult } from "#core/contract/session/result";
import type { SessionRequest } from "#core/contract/session/session";
import { isLong } from "../support/long.ts";
import { replayAll, startTestWorker, type TestWorker } from "../support/test-worker.ts";
import { startWorkerProcess, type WorkerProcess } from "../support/worker-process.ts";

let worker: TestWorker;
beforeAll(async () => {
  worker = await startTestWorker(inject("temporalAddress"), { configuration: { worker: { maximumCells: 60 } } });
});
afterAll(() => worker[Symbol.asyncDispose]());

/** Generous: these tests check what happens, not how fast. */
const usual = { memory: "256Mi" } as const;

const open = (session: SessionRequest = {}, id?: string): CodeSession =>
  openCodeSession(worker.client, worker.taskQueue, worker.store, { ...usual, ...session }, { id });

const shown = ({ displays }: CallResult): (string | undefined)[] =>
  displays.map((display) => display["text/plain"]?.data);

/** Starts a session with settings that only tests have. */
async function startWith(settings: object, session: SessionRequest = {}): Promise<CodeSession> {
  const id = `set-${randomUUID()}`;
  await worker.client.workflow.start(codeSessionWorkflow, {
    workflowId: id,
    taskQueue: worker.taskQueue,
    args: [{ ...usual, ...session }, settings],
  });
  return existingCodeSession(worker.client, worker.store, id);
}

describe("a session", () => {
  let session: CodeSession;
  beforeAll(() => {
    session = open();
  });
  afterAll(() => session.close());

  it("keeps names between calls, and says which kernel they are of", async () => {
    expect(await session.run("x = 20")).toMatchObject({ call: 1, status: "succeeded", kernel: "new", restored: null });
    const second = await session.run("import sys; print('out'); print('err', file=sys.stderr); x + 1");
    expect(second).toMatchObject({
      status: "succeeded",
      kernel: "same",
      stdout: { text: "out\n" },
      stderr: { text: "err\n" },
    });
    expect(shown(second)).toEqual(["21"]);
  });

  it("an exception is a result, and the kernel lives on", async () => {
    const failed = await session.run("1/0");
    expect(failed).toMatchObject({
      status: "failed",
      exitCode: 1,
      error: { name: "ZeroDivisionError" },
      kernel: "same",
    });
    expect(failed.stderr.text).toMatch(/<call \d+>/);
    expect(shown(await session.run("x"))).toEqual(["20"]);
  });

  it("files are written, listed, read and removed, and code uses them", async () => {
    expect(await session.files.write([{ name: "data/a.txt", content: "one" }])).toMatchObject({
      written: [{ name: "data/a.txt", bytes: 3 }],
    });
    await session.run("open('data/b.txt', 'w').write(open('data/a.txt').read() * 2)");
    const { files } = await session.files.list();
    expect(files.filter(({ type }) => type === "file").map(({ name, bytes }) => [name, bytes])).toEqual([
      ["data/a.txt", 3],
      ["data/b.txt", 6],
    ]);
    const read = await session.files.read(["data/*.txt"]);
    const contents = read.files.map(({ name, base64 = "" }) => [name, Buffer.from(base64, "base64").toString()]);
    expect(contents.sort()).toEqual([
      ["data/a.txt", "one"],
      ["data/b.txt", "oneone"],
    ]);
    expect(await session.files.remove(["data", "nothing"])).toMatchObject({ removed: ["data"], missing: ["nothing"] });
    expect((await session.files.list()).files).toEqual([]);
  });

  it("a call of its own process has arguments, variables and stdin, and no names", async () => {
    const own = await session.run({
      code: "import os, sys; print(sys.argv[1:], os.environ['A'], sys.stdin.read(), 'x' in globals())",
      isolated: true,
      args: ["b"],
      env: { A: "c" },
      stdin: "d",
    });
    expect(own).toMatchObject({ status: "succeeded", kernel: null, stdout: { text: "['b'] c d False\n" } });
    expect(shown(await session.run("x"))).toEqual(["20"]);
  });

  it.each([
    ["args of the kernel", { code: "1", args: ["a"] }, "args"],
    ["both code and entrypoint", { code: "1", entrypoint: "a.py" }, "entrypoint"],
    ["a timeout out of bounds", { code: "1", timeout: -1 }, "timeout"],
  ])("%s is refused by field", async (_name, call, field) => {
    await expect(session.run(call)).rejects.toMatchObject({ code: "invalid-request", field });
  });

  it("any client's update is checked before it is accepted", async () => {
    const handle = worker.client.workflow.getHandle(session.id);
    const refused = handle.executeUpdate(sessionUpdates.run, { args: [{ coed: "1" }] });
    await expect(refused).rejects.toMatchObject({ cause: { type: "invalid-request", details: [{ field: "coed" }] } });
  });

  it("an update that is sent twice runs once", async () => {
    const handle = worker.client.workflow.getHandle(session.id);
    const updateId = randomUUID();
    const once = () =>
      handle.executeUpdate(sessionUpdates.run, { args: [{ code: "n = globals().get('n', 0) + 1; n" }], updateId });
    expect(await once()).toEqual(await once());
    expect(shown(await session.run("n"))).toEqual(["1"]);
  });

  it("an interrupt overtakes calls that wait, and ends only what runs", async () => {
    const running = session.run({ code: "import time; print('on', flush=True); time.sleep(60)", timeout: 100 });
    const waiting = session.run("x + 2");
    await expect.poll(async () => (await session.state()).running?.title).toContain("import time");
    await expect.poll(() => session.interrupt()).toBe(true);
    expect(await running).toMatchObject({ status: "interrupted" });
    const next = await waiting;
    expect(next).toMatchObject({ kernel: "same" });
    expect(shown(next)).toEqual(["22"]);
  });

  it("the signal of a call that waits withdraws it, and leaves the one that runs alone", async () => {
    const running = session.run({ code: "import time\nfor _ in range(600): time.sleep(0.1)", timeout: 100 });
    await expect.poll(async () => (await session.state()).running?.kind).toBe("run");
    const withdrawal = new AbortController();
    const waiting = session.run("x = 'overwritten'", { signal: withdrawal.signal });
    await expect.poll(async () => (await session.state()).waiting).toBe(1);
    withdrawal.abort();
    const handle = worker.client.workflow.getHandle(session.id);
    // One that overtakes its call.
    const updateId = randomUUID();
    await handle.executeUpdate(sessionUpdates.interrupt, { args: [{ update: updateId }] });
    const overtaken = handle.executeUpdate<CallResult, [object]>(sessionUpdates.run, {
      args: [{ code: "x = 1" }],
      updateId,
    });
    expect((await session.state()).running?.title).toContain("import time");
    await expect.poll(() => session.interrupt()).toBe(true);
    expect(await running).toMatchObject({ status: "interrupted" });
    expect(await waiting).toMatchObject({ status: "cancelled", kernel: null });
    expect(await overtaken).toMatchObject({ status: "cancelled" });
    expect(shown(await session.run("x"))).toEqual(["20"]);
  });

  it("a call's time limit interrupts it first, and the names stay", async () => {
    const late = await session.run({ code: "while True: pass", timeout: "1s" });
    expect(late).toMatchObject({ status: "timed-out", kernel: "same" });
    expect(shown(await session.run("x"))).toEqual(["20"]);
  });

  it("the queries tell the state and the calls", async () => {
    expect(await session.state()).toMatchObject({ status: "ready", language: "python", kernel: true, waiting: 0 });
    const calls = await session.calls();
    expect(calls[0]).toMatchObject({ call: 1, title: "x = 20", status: "succeeded", kernel: "new" });
  });
});

describe("an answer that is lost on its way", () => {
  /** A client that starts a session and does not learn of it. */
  function forgetful(before: () => Promise<unknown>) {
    let starts = 0;
    const lost = Object.assign(new Error("the connection was lost"), { code: 14, details: "lost", metadata: {} });
    const client = new Client({
      connection: worker.client.connection,
      interceptors: {
        workflow: [
          {
            startUpdateWithStart: async (input, next) => {
              starts += 1;
              await next(input);
              await before();
              throw lost;
            },
          },
        ],
      },
    });
    return { client, starts: () => starts };
  }

  it("the update is sent to the session that it has started", async () => {
    const { client, starts } = forgetful(async () => {});
    const session = openCodeSession(client, worker.taskQueue, undefined, usual, {});
    expect(shown(await session.run("n = globals().get('n', 0) + 1; n"))).toEqual(["1"]);
    expect(shown(await session.run("n"))).toEqual(["1"]);
    expect(starts()).toBe(1);
    await session.close();
  });

  it("no second session is started if the first one has ended", async () => {
    const id = `ended-${randomUUID()}`;
    const { client, starts } = forgetful(() => existingCodeSession(worker.client, undefined, id).close());
    const session = openCodeSession(client, worker.taskQueue, undefined, usual, { id });
    // Perhaps the server still knows the answer.
    await session.run("1").catch((error) => expect(error).toMatchObject({ code: "session-closed" }));
    expect(starts()).toBe(1);
    await expect(session.state()).resolves.toMatchObject({ status: "closed" });
  });
});

describe("the life of a session", () => {
  it("continues as new without losing or doubling anything", async () => {
    const session = await startWith({ updates: 3 });
    const handle = worker.client.workflow.getHandle(session.id);
    const first = (await handle.describe()).runId;
    const updateId = randomUUID();
    const once = () => handle.executeUpdate(sessionUpdates.run, { args: [{ code: "n = 1; n" }], updateId });
    const answer = await once();
    await session.files.write([{ name: "kept.txt", content: "kept" }]);
    const waiting = [1, 2, 3, 4].map(() => session.run("n += 1; n"));
    // Temporal need not deliver them in the order in which they were sent.
    expect((await Promise.all(waiting)).map(shown).sort()).toEqual([["2"], ["3"], ["4"], ["5"]]);
    await expect.poll(async () => (await handle.describe()).runId).not.toBe(first);
    // The execution that knew this id is over.
    expect(await once()).toEqual(answer);
    const last = await session.run("n, open('kept.txt').read()");
    expect(last).toMatchObject({ call: 6, kernel: "same", restored: null });
    expect(shown(last)).toEqual(["(5, 'kept')"]);
    expect(await session.calls()).toHaveLength(6);
    expect(await session.close()).toMatchObject({ reason: "closed", calls: 6 });
  });

  it("is paused when it is idle, and restored by the next call, which says so", async () => {
    const session = open({ idleTimeout: "1s" });
    await session.run("x = 1; open('a.txt', 'w').write('before')");
    await expect.poll(async () => (await session.state()).status).toBe("paused");
    const next = await session.run("print(open('a.txt').read(), 'x' in globals())");
    expect(next).toMatchObject({
      stdout: { text: "before False\n" },
      kernel: "new",
      restored: { kernel: "new", checkpoint: { bytes: expect.any(Number) }, reason: expect.stringContaining("paused") },
    });
    expect(await session.run("1")).toMatchObject({ restored: null, kernel: "same" });
    await session.close();
  });

  it("ends at its maximum age, also a call that runs", async () => {
    const session = open({ maximumAge: "3s" });
    const running = await session.run({ code: "import time; time.sleep(60)", timeout: 100 });
    expect(running).toMatchObject({ status: "cancelled" });
    const handle = worker.client.workflow.getHandle(session.id);
    expect(await handle.result()).toMatchObject({ reason: "maximum-age", calls: 1 });
    await expect(session.run("1")).rejects.toMatchObject({ code: "not-found" });
  });

  it("close ends what runs and refuses what waits; a cancelled workflow completes", async () => {
    const session = open();
    const running = session.run({ code: "import time; time.sleep(60)", timeout: 100 });
    await expect.poll(async () => (await session.state()).running?.kind).toBe("run");
    const waiting = session.run("1").catch((error) => error.code);
    await expect.poll(async () => (await session.state()).waiting).toBe(1);
    await session.close();
    expect(await running).toMatchObject({ status: "cancelled" });
    expect(await waiting).toBe("session-closed");

    const other = open();
    await other.run("1");
    const handle = worker.client.workflow.getHandle(other.id);
    await handle.cancel();
    expect(await handle.result()).toMatchObject({ reason: "cancelled", calls: 1 });
  });

  it("a session that can have no cell fails, with the field that is wrong", async () => {
    const handle = await worker.client.workflow.start(codeSessionWorkflow, {
      workflowId: `wrong-${randomUUID()}`,
      taskQueue: worker.taskQueue,
      args: [{ memory: "1Ki" }],
    });
    const call = handle.executeUpdate(sessionUpdates.run, { args: [{ code: "1" }] });
    await expect(call).rejects.toMatchObject({ cause: { type: "invalid-request", details: [{ field: "memory" }] } });
    await expect(handle.result()).rejects.toMatchObject({ cause: { type: "invalid-request" } });
  });
});

it("at most 12 events of history for a call", async () => {
  const session = open();
  await session.run("1");
  const handle = worker.client.workflow.getHandle(session.id);
  const length = async () => (await handle.describe()).historyLength;
  const before = await length();
  for (let call = 0; call < 10; call += 1) await session.run("print(1)");
  expect(((await length()) - before) / 10).toBeLessThanOrEqual(12);
  await session.close();
});

/** The share of a core that this process uses: the worker, the client and the tests. */
async function busyFor(milliseconds: number): Promise<number> {
  const before = process.cpuUsage();
  await new Promise((resolve) => setTimeout(resolve, milliseconds));
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000 / milliseconds;
}

it("idle sessions hold their places, cost next to no time of the processor, and go on", async () => {
  const count = isLong ? 50 : 10;
  const seconds = isLong ? 20 : 3;
  const without = await busyFor(seconds * 1000);
  const sessions = Array.from({ length: count }, () => open({ memory: "64Mi" }));
  for (let at = 0; at < count; at += 5) {
    await Promise.all(sessions.slice(at, at + 5).map((session, index) => session.run(`x = ${at + index}`)));
  }
  // The looks at changed files are over, also those of the last sessions.
  if (isLong) await new Promise((resolve) => setTimeout(resolve, 12_000));
  const idle = await busyFor(seconds * 1000);
  if (isLong) process.stderr.write(`${count} idle sessions: ${(100 * (idle - without)).toFixed(2)} % of a core\n`);
  // The goal is 1 % for 50. In a short time, other work of this process weighs more.
  expect(idle - without).toBeLessThan(isLong ? 0.02 : 0.2);
  const ends = await Promise.all([sessions[0], sessions[count - 1]].map((session) => session?.run("x")));
  expect(ends.map((result) => result && shown(result))).toEqual([["0"], [String(count - 1)]]);
  await Promise.all(sessions.map((session) => session.close()));
}, 180_000);

describe("the death of a worker", () => {
  let directory: string;
  const taskQueue = `death-${randomUUID()}`;
  const start = (): Promise<WorkerProcess> => startWorkerProcess(inject("temporalAddress"), taskQueue, directory);
  let host: WorkerProcess;
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), "kgents-sessions-"));
    host = await start();
  });
  afterAll(async () => {
    await host.end("SIGTERM");
    await rm(directory, { recursive: true, force: true });
  });

  const killed = async (): Promise<void> => {
    await host.end("SIGKILL");
    host = await start();
  };

  it("a call that ran is lost, and the next one continues with the files and without the names", async () => {
    const session = openCodeSession(worker.client, taskQueue, undefined, usual, {});
    await session.run("x = 1; open('a.txt', 'w').write('kept')");
    // Between calls.
    await killed();
    const next = await session.run("print(open('a.txt').read(), 'x' in globals())");
    expect(next).toMatchObject({ status: "succeeded", kernel: "new", restored: { kernel: "new" } });
    expect(next.stdout.text).toBe("kept False\n");
    expect(next.restored?.checkpoint?.bytes).toBeGreaterThan(0);
    // Within a call.
    const running = session.run({ code: "open('b.txt', 'w').write('x'); import time; time.sleep(600)", timeout: 900 });
    await expect.poll(async () => (await session.state()).running?.title).toContain("b.txt");
    await killed();
    expect(await running).toMatchObject({ status: "lost", call: 3 });
    const after = await session.run("import os; print(sorted(os.listdir()))");
    expect(after).toMatchObject({ call: 4, status: "succeeded", kernel: "new", restored: { kernel: "new" } });
    expect(after.stdout.text).toContain("a.txt");
    await session.close();
  }, 180_000);

  it("a session that must not be restored is lost", async () => {
    const session = openCodeSession(worker.client, taskQueue, undefined, { ...usual, restore: "never" }, {});
    await session.run("1");
    await killed();
    await expect(session.run("1")).rejects.toMatchObject({ code: "session-lost" });
    const handle = worker.client.workflow.getHandle(session.id);
    await expect(handle.result()).rejects.toMatchObject({ cause: { type: "session-lost" } });
  }, 120_000);
});

it("all of these histories replay", async () => {
  expect(await replayAll(worker.client, worker.taskQueue)).toBeGreaterThan(0);
});

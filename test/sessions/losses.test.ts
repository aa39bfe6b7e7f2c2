/** What a session makes of cells that are lost, or that cannot be kept, at moments that cannot be caused at will. */
import { randomUUID } from "node:crypto";
import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, inject, it } from "vitest";
import { NoPlace } from "#cells/placement/no-place";
import type { ProgramContext, ProgramOutcome } from "#cells/provider";
import type { CodeSession } from "#client/sdk/sessions/code-session";
import { existingCodeSession, openCodeSession } from "#client/sdk/sessions/open-session";
import { KgentsError } from "#core/contract/error";
import { codeSessionWorkflow, sessionUpdates } from "#core/contract/session/names";
import { checkpointExits } from "#core/contract/session/programs";
import type { SessionRequest } from "#core/contract/session/session";
import { keyOf } from "#platform/store/references";
import { outcome, type ScriptedProvider, scriptedProvider } from "../support/scripted-provider.ts";
import { startTestWorker, type TestWorker } from "../support/test-worker.ts";

type Step = (context: ProgramContext) => Promise<ProgramOutcome> | ProgramOutcome;

/** What the next programs do, each once; then they succeed. */
let calls: Step[] = [];
let checkpoints: Step[] = [];
let ran = 0;
let acquiring: () => Promise<void> | void = () => {};
let cluster: ScriptedProvider;
let worker: TestWorker;
let interrupts = 0;

beforeAll(async () => {
  const scripted = scriptedProvider("kubernetes", {
    acquire: () => acquiring(),
    run: ({ script }, context) => {
      if (script?.includes("tar -cf")) return checkpoints.shift()?.(context) ?? outcome();
      ran += 1;
      return calls.shift()?.(context) ?? outcome();
    },
  });
  const interrupt = async () => {
    interrupts += 1;
    return true;
  };
  cluster = { ...scripted, interrupt };
  worker = await startTestWorker(inject("temporalAddress"), { providers: { kubernetes: cluster } });
});
afterAll(() => worker[Symbol.asyncDispose]());
beforeEach(() => {
  calls = [];
  checkpoints = [];
  ran = 0;
  acquiring = () => {};
  cluster.calls.length = 0;
});

const usual = { backend: "kubernetes" } as const;
const open = (session: SessionRequest = {}): CodeSession =>
  openCodeSession(worker.client, worker.taskQueue, worker.store, { ...usual, ...session }, {});
/** A call of its own process. */
const call = { code: "x", isolated: true } as const;

const failing = (kind: "evicted" | "cell-deleted" | "node-lost" | "system-error") => () => {
  throw new KgentsError(kind, `it is ${kind}`);
};
const full = () => {
  throw new NoPlace("no pods are left");
};
const exits = (code: number) => () => outcome({ exit: { code, signal: null } });
const count = (name: string): number => cluster.calls.filter((called) => called === name).length;

describe("a call whose cell is gone", () => {
  it.each([
    ["evicted", failing("evicted")],
    ["cell-deleted", failing("cell-deleted")],
    ["node-lost", failing("node-lost")],
    ["without room", full],
  ])("is lost, and not started again, if an earlier attempt has begun: %s", async (_, end) => {
    calls = [failing("system-error"), end];
    const session = open();
    expect(await session.run(call)).toMatchObject({ status: "lost", reason: expect.stringContaining("unknown") });
    expect(ran).toBe(2);
    expect(await session.run(call)).toMatchObject({ status: "succeeded", restored: { kernel: "new" } });
    await session.close();
  });

  it("is started in another cell if it was certainly not started", async () => {
    calls = [failing("evicted"), full];
    const session = open();
    expect(await session.run(call)).toMatchObject({ status: "succeeded" });
    expect(ran).toBe(3);
    await session.close();
  });

  it.each([
    ["evicted", failing("evicted")],
    ["without room", full],
    ["with a worker that fails", failing("system-error")],
  ])("has ended, and keeps its result, if that happens during its checkpoint: %s", async (_, end) => {
    checkpoints = [1, 2, 3, 4, 5].map(() => end);
    const session = open();
    const result = await session.run(call);
    expect(result).toMatchObject({ status: "succeeded", notices: [expect.stringContaining("no checkpoint was made")] });
    expect(ran).toBe(1);
    await session.close();
  });
});

describe("a pause", () => {
  it("keeps the cell if no checkpoint can be made, and the state says why", async () => {
    checkpoints = [exits(0), exits(checkpointExits.tooLarge)];
    const session = open({ idleTimeout: "1s" });
    await session.run(call);
    await expect.poll(async () => (await session.state()).checkpointFailure).toContain("larger than a checkpoint");
    expect(await session.run(call)).toMatchObject({ status: "succeeded", restored: null });
    expect(count("acquire")).toBe(1);
    await session.close();
  });

  it("is called off by a call that comes during its checkpoint", async () => {
    const { promise: begun, resolve: begin } = Promise.withResolvers<void>();
    const { promise: ended, resolve: end } = Promise.withResolvers<void>();
    checkpoints = [
      exits(0),
      async () => {
        begin();
        await ended;
        return outcome();
      },
    ];
    const session = open({ idleTimeout: "1s" });
    await session.run(call);
    await begun;
    // An interrupt is for calls only.
    expect(await session.interrupt()).toBe(false);
    expect(interrupts).toBe(0);
    const running = session.run(call);
    await expect.poll(async () => (await session.state()).waiting).toBeGreaterThan(0);
    end();
    expect(await running).toMatchObject({ restored: null });
    expect(count("acquire")).toBe(1);
    await session.close();
  });
});

it("the store keeps the latest checkpoint until the session ends", async () => {
  const writing = async ({ stdout }: ProgramContext) => {
    await new Promise((resolve) => stdout.write("an archive", resolve));
    return outcome();
  };
  checkpoints = [writing, writing];
  const live = join(worker.store.directory, "live");
  /** The runs that are held for longer than any run is. */
  const kept = async (): Promise<string[]> => {
    const names = await readdir(live).catch((): string[] => []);
    const paths = names.map((name) => join(live, name));
    const long = [];
    for (const path of paths) if ((await stat(path)).mtimeMs > Date.now() + 3_600_000) long.push(path);
    return (await Promise.all(long.map((path) => readFile(path, "utf8")))).flatMap((text) => text.split("\n"));
  };
  const session = open({ maximumAge: "4h" });
  await session.run(call);
  const first = (await session.state()).checkpoint?.ref ?? "";
  expect(await kept()).toEqual([keyOf(first)]);
  const checkpoint = await session.checkpoint();
  expect(checkpoint.ref).not.toBe(first);
  expect(await kept()).toEqual([keyOf(checkpoint.ref ?? "")]);
  await session.close();
  expect(await kept()).toEqual([]);
});

describe("a session without a cell", () => {
  it.each([
    ["comes", undefined],
    ["fails", new KgentsError("cell-start", "it does not start")],
  ])("that is closed while its first cell is prepared completes: the cell %s", async (_, failure) => {
    const { promise: begun, resolve: begin } = Promise.withResolvers<void>();
    const { promise: ended, resolve: end, reject: fail } = Promise.withResolvers<void>();
    acquiring = () => {
      begin();
      return ended;
    };
    const session = open();
    const running = session.run(call).catch((error) => error.code);
    await begun;
    const closing = session.close();
    await expect.poll(async () => (await session.state()).status).toBe("closed");
    if (failure === undefined) end();
    else fail(failure);
    expect(await closing).toMatchObject({ reason: "closed" });
    expect(await running).toBe(failure?.code ?? "session-closed");
    expect(await worker.client.workflow.getHandle(session.id).result()).toMatchObject({ reason: "closed" });
  });

  it("ends at its maximum age", async () => {
    const handle = await worker.client.workflow.start(codeSessionWorkflow, {
      workflowId: `unused-${randomUUID()}`,
      taskQueue: worker.taskQueue,
      args: [{ ...usual, maximumAge: "1s" }],
    });
    expect(await handle.result()).toMatchObject({ reason: "maximum-age", calls: 0 });
  });
});

it("updates are refused as long as the history is too long and calls overlap; then the session goes on", async () => {
  const { promise: begun, resolve: begin } = Promise.withResolvers<void>();
  const { promise: ended, resolve: end } = Promise.withResolvers<void>();
  calls = [
    async () => {
      begin();
      await ended;
      return outcome();
    },
  ];
  const workflowId = `long-${randomUUID()}`;
  const handle = await worker.client.workflow.start(codeSessionWorkflow, {
    workflowId,
    taskQueue: worker.taskQueue,
    args: [usual, { history: 50_000 }],
  });
  const first = (await handle.describe()).runId;
  const big = { ...call, code: "x".repeat(60_000) };
  const running = handle.executeUpdate(sessionUpdates.run, { args: [call] });
  await begun;
  const ask = () => handle.startUpdate(sessionUpdates.run, { args: [big], waitForStage: "ACCEPTED" });
  const waiting = [await ask(), await ask(), await ask(), await ask()].map((update) =>
    update.result().then(
      () => "carried out",
      (error) => error.cause.type,
    ),
  );
  end();
  expect(await running).toMatchObject({ status: "succeeded" });
  expect(await Promise.all(waiting)).toEqual(["carried out", "carried out", "session-busy", "session-busy"]);
  await expect.poll(async () => (await worker.client.workflow.getHandle(workflowId).describe()).runId).not.toBe(first);
  const session = existingCodeSession(worker.client, worker.store, workflowId);
  expect(await session.run(call)).toMatchObject({ call: 4, restored: null });
  await session.close();
});

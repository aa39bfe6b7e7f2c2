import { randomUUID } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Client, Connection } from "@temporalio/client";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import type { ExecutionHandle } from "#client/sdk/execution-handle";
import { startExecution } from "#client/sdk/start-execution";
import { grpcRuns } from "#client/sdk/temporal/grpc-runs";
import { openDirectoryStore } from "#platform/store/directory-store";
import { leftoversOf } from "../support/leftovers.ts";
import { processesWith } from "../support/processes.ts";
import { scriptedProvider } from "../support/scripted-provider.ts";
import { replayAll, startTestWorker } from "../support/test-worker.ts";
import { startWorkerProcess } from "../support/worker-process.ts";

const address = inject("temporalAddress");
let connection: Connection;
let client: Client;
let directory: string;
beforeAll(async () => {
  connection = await Connection.connect({ address });
  client = new Client({ connection });
  directory = await mkdtemp(join(tmpdir(), "kgents-chaos-"));
});
afterAll(async () => {
  await connection.close();
  await rm(directory, { recursive: true, force: true });
});

/** Starts code that prints a line and sleeps, and waits until it runs. */
async function startSleeper(taskQueue: string, state: string, seconds: string): Promise<ExecutionHandle> {
  const store = await openDirectoryStore(join(state, "state", "kgents", "artifacts"));
  const handle = await startExecution(
    grpcRuns(client),
    taskQueue,
    store,
    { code: `echo begun; sleep ${seconds}; echo ended`, language: "sh", timeout: 700 },
    {},
  );
  for await (const event of handle.output()) if (event.type === "output") break;
  return handle;
}

describe("kill -9 of the worker while code runs", () => {
  it("its successor says lost, with the output so far; the code ran once and nothing is left", async () => {
    const taskQueue = `chaos-${randomUUID()}`;
    const state = join(directory, "same-host");
    const first = await startWorkerProcess(address, taskQueue, state);
    const handle = await startSleeper(taskQueue, state, "600.5");
    // The cgroup exists as long as the code runs.
    expect((await leftoversOf(join(state, "state", "kgents"), first.pid)).cgroups.length).toBeGreaterThan(0);
    await first.end("SIGKILL");
    // The code dies with the worker at once: no process outlives a worker that can no longer stop it.
    await expect.poll(() => processesWith("sleep 600.5")).toEqual([]);
    const second = await startWorkerProcess(address, taskQueue, state);
    const result = await handle.result();
    expect(result).toMatchObject({ status: "lost", exitCode: null, attempts: 1, stdout: { text: "begun\n" } });
    expect(result.reason).toBeTruthy();
    const left = await leftoversOf(join(state, "state", "kgents"), first.pid);
    expect(left).toEqual({ cells: [], cgroups: [], mounts: [] });
    expect(await second.end("SIGTERM")).toBe(0);
    expect(await replayAll(client, taskQueue)).toBe(1);
  }, 90_000);

  it("and a cancellation before its successor comes: cancelled, with the output so far", async () => {
    const taskQueue = `chaos-${randomUUID()}`;
    const state = join(directory, "cancelled");
    const first = await startWorkerProcess(address, taskQueue, state);
    const handle = await startSleeper(taskQueue, state, "600.625");
    await first.end("SIGKILL");
    await handle.cancel();
    const second = await startWorkerProcess(address, taskQueue, state);
    expect(await handle.result()).toMatchObject({ status: "cancelled", attempts: 1, stdout: { text: "begun\n" } });
    await second.end("SIGTERM");
    expect(await replayAll(client, taskQueue)).toBe(1);
  }, 90_000);

  it("on a host that does not come back, another worker says lost", async () => {
    const taskQueue = `chaos-${randomUUID()}`;
    const gone = await startWorkerProcess(address, taskQueue, join(directory, "gone"));
    const handle = await startSleeper(taskQueue, join(directory, "gone"), "600.75");
    const other = await startWorkerProcess(address, taskQueue, join(directory, "other"));
    await gone.end("SIGKILL");
    const result = await handle.result();
    expect(result).toMatchObject({ status: "lost", attempts: 1 });
    expect(result.reason).toContain("did not come back");
    const { events } = await client.workflow.getHandle(handle.id).fetchHistory();
    const scheduled = (events ?? []).flatMap(
      (event) => event.activityTaskScheduledEventAttributes?.activityType?.name ?? [],
    );
    // Provisioned once: the code was started nowhere else.
    expect(scheduled).toEqual(["provision", "execute", "execute", "salvage"]);
    await other.end("SIGTERM");
    expect(await replayAll(client, taskQueue)).toBe(1);
  }, 120_000);
});

it("a host that went away before the code could start: another provisions anew, and the code runs once", async () => {
  const taskQueue = `chaos-${randomUUID()}`;
  let provisioned = (): void => {};
  const wasProvisioned = new Promise<void>((resolve) => (provisioned = resolve));
  const first = scriptedProvider("subprocess", { reach: "host", acquire: () => provisioned() });
  const second = scriptedProvider("subprocess", { reach: "host" });
  const leaving = await startTestWorker(address, { providers: { subprocess: first }, taskQueue });
  // It stops polling after it has provisioned. Its last response is still sent; the next task stays in its queue.
  const left = wasProvisioned.then(() => leaving.worker.stop());
  const handle = await leaving.start({ code: "x" });
  await left;
  await using staying = await startTestWorker(address, { providers: { subprocess: second }, taskQueue });
  expect(await handle.result()).toMatchObject({ status: "succeeded", attempts: 1 });
  expect([...first.calls, ...second.calls].filter((call) => call === "run")).toHaveLength(1);
  expect(second.calls.at(-1)).toBe("remove");
  void staying;
}, 90_000);

it("SIGTERM drains: code that ends within the grace has its full result", async () => {
  const taskQueue = `chaos-${randomUUID()}`;
  const state = join(directory, "drain");
  const worker = await startWorkerProcess(address, taskQueue, state, { flags: ["--drain", "20s"] });
  const handle = await startSleeper(taskQueue, state, "2.5");
  const code = worker.end("SIGTERM");
  const next = await startWorkerProcess(address, taskQueue, state);
  expect(await handle.result()).toMatchObject({ status: "succeeded", stdout: { text: "begun\nended\n" } });
  expect(await code).toBe(0);
  await next.end("SIGTERM");
}, 90_000);

it("SIGTERM with code that does not end within the grace: stopped, lost, and said so", async () => {
  const taskQueue = `chaos-${randomUUID()}`;
  const state = join(directory, "drain-over");
  const worker = await startWorkerProcess(address, taskQueue, state, { flags: ["--drain", "1s"] });
  const handle = await startSleeper(taskQueue, state, "600.875");
  expect(await worker.end("SIGTERM")).toBe(0);
  expect(await processesWith("sleep 600.875")).toEqual([]);
  const next = await startWorkerProcess(address, taskQueue, state);
  expect(await handle.result()).toMatchObject({ status: "lost", stdout: { text: "begun\n" } });
  await next.end("SIGTERM");
}, 90_000);

it("two workers on two hosts' queues: a run's code and clean-up stay on the host that provisioned it", async () => {
  const taskQueue = `affinity-${randomUUID()}`;
  const workers = await Promise.all(
    ["one", "two"].map((name) => startWorkerProcess(address, taskQueue, join(directory, name))),
  );
  const handles = await Promise.all(
    Array.from({ length: 20 }, () =>
      startExecution(grpcRuns(client), taskQueue, undefined, { code: "true", language: "sh", live: "none" }, {}),
    ),
  );
  const hosts = new Set<string>();
  for (const handle of handles) {
    expect(await handle.result()).toMatchObject({ status: "succeeded" });
    const { events } = await client.workflow.getHandle(handle.id).fetchHistory();
    const typeOf = new Map(
      (events ?? []).map((event) => [
        String(event.eventId),
        event.activityTaskScheduledEventAttributes?.activityType?.name,
      ]),
    );
    // The last attempt of each kind. An attempt on another host returned `elsewhere` and did nothing.
    const identityOf = new Map(
      (events ?? []).flatMap(({ activityTaskStartedEventAttributes: started }) =>
        started ? [[typeOf.get(String(started.scheduledEventId)), started.identity ?? ""]] : [],
      ),
    );
    expect([...identityOf.keys()].sort()).toEqual(["cleanUp", "execute", "provision"]);
    expect(new Set(identityOf.values()).size).toBe(1);
    hosts.add(identityOf.get("provision") ?? "");
  }
  expect(hosts.size).toBe(2);
  await Promise.all(workers.map((worker) => worker.end("SIGTERM")));
}, 90_000);

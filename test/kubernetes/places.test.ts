/**
 * A full cluster: runs wait in the order of Temporal's queue and report why. None fails, and none creates a Job too
 * early.
 */
import { randomUUID } from "node:crypto";
import { defaultPayloadConverter } from "@temporalio/common";
import { describe, expect, it } from "vitest";
import type { ExecutionHandle } from "#client/sdk/execution-handle";
import type { ExecutionRequest } from "#core/contract/request";
import type { TestWorker } from "../support/test-worker.ts";
import { resourceQuota } from "./manifests.ts";
import { jobs, refuseAll, until } from "./moments.ts";
import { type CellNamespace, cellNamespace, startClusterWorker } from "./support.ts";
import { starts, tellStart } from "./witness.ts";

const request = (code: string): ExecutionRequest => ({ code, language: "sh", memory: "64Mi", ttl: 0 });

interface Scene extends AsyncDisposable {
  readonly namespace: CellNamespace;
  readonly worker: TestWorker;
}

async function scene(options: Parameters<typeof startClusterWorker>[1] = {}): Promise<Scene> {
  const namespace = await cellNamespace();
  const worker = await startClusterWorker(namespace.name, options);
  return {
    namespace,
    worker,
    [Symbol.asyncDispose]: async () => {
      await worker[Symbol.asyncDispose]();
      await namespace[Symbol.asyncDispose]();
    },
  };
}

/** Waits until a run reports that it waits. */
const waits = (handle: ExecutionHandle): Promise<void> =>
  until("the wait", async () => (await handle.describe()).waiting !== null);

/** The summaries of a run's activities of a type, as in the Temporal UI. */
async function summaries({ client }: TestWorker, { id }: ExecutionHandle, type: string): Promise<unknown[]> {
  const { events } = await client.workflow.getHandle(id).fetchHistory();
  return (events ?? [])
    .filter((event) => event.activityTaskScheduledEventAttributes?.activityType?.name === type)
    .map(({ userMetadata }) => userMetadata?.summary && defaultPayloadConverter.fromPayload(userMetadata.summary));
}

/** The maximum number of overlapping periods. */
function mostAtOnce(stretches: readonly { from: string | null; to: string | null }[]): number {
  const edges = stretches.flatMap(({ from, to }) => [
    { at: Date.parse(from ?? ""), by: 1 },
    { at: Date.parse(to ?? ""), by: -1 },
  ]);
  edges.sort((one, other) => one.at - other.at || one.by - other.by);
  let now = 0;
  return Math.max(...edges.map(({ by }) => (now += by)));
}

describe.concurrent("a cluster without a place", () => {
  it("20 runs on a quota of 3 pods: each is carried out once, and no pod is ever refused", async () => {
    await using here = await scene();
    await here.namespace.apply(resourceQuota({ pods: "3", "limits.memory": "1Gi" }));
    const ids = Array.from({ length: 20 }, () => randomUUID());
    const handles = await Promise.all(ids.map((id) => here.worker.start(request(tellStart(id)))));
    const results = await Promise.all(handles.map((handle) => handle.result()));
    const expected = { status: "succeeded", attempts: 1, backend: "kubernetes", fallback: null };
    expect(results).toEqual(results.map(() => expect.objectContaining(expected)));
    expect(await Promise.all(ids.map(starts))).toEqual(ids.map(() => 1));
    // A Job without room would have had its pod rejected.
    expect(await here.namespace.kubectl("get", "events", "--field-selector=reason=FailedCreate", "-o", "name")).toBe(
      "",
    );
  });

  it("worker.kubernetes.maximumCells bounds what one worker takes on", async () => {
    await using here = await scene({ maximumCells: 2 });
    const handles = await Promise.all(Array.from({ length: 6 }, () => here.worker.start(request("sleep 1"))));
    const full = "worker.kubernetes.maximumCells: 2";
    await until("the next one's word", async () => {
      const waiting = await Promise.all(handles.map(async (handle) => (await handle.describe()).waiting));
      return waiting.some((one) => one?.place === "cluster" && one.ahead === 0 && one.full === full);
    });
    const results = await Promise.all(handles.map((handle) => handle.result()));
    expect(results.map(({ status }) => status)).toEqual(handles.map(() => "succeeded"));
    expect(mostAtOnce(results.map(({ timings }) => ({ from: timings.started, to: timings.finished })))).toBe(2);
  });

  it("those of the first priority come first of those that wait, and each says why it does", async () => {
    await using here = await scene();
    const allow = await refuseAll(here, "pods");
    const late: ExecutionHandle[] = [];
    // The runs that the worker has already taken from the queue keep their order.
    for (let number = 0; number < 5; number += 1) {
      late.push(await here.worker.start(request("true"), { priority: 5 }));
      await waits(late[number] as ExecutionHandle);
    }
    const urgent = [
      await here.worker.start(request("true"), { priority: 1 }),
      await here.worker.start(request("true"), { priority: 1 }),
    ];
    await Promise.all(urgent.map(waits));
    const full = "the quota test: pods=1";
    const first = late[0] as ExecutionHandle;
    await until("its reason", async () => (await first.describe()).waiting?.full === full);
    expect(await first.inspect()).toMatchObject({ waiting: { place: "cluster", ahead: 0, full } });
    expect(await late[4]?.describe()).toMatchObject({ waiting: { place: "cluster", ahead: null, full: null } });
    expect(await summaries(here.worker, first, "provision")).toEqual([
      "prepare a cell: true",
      `wait for a place in the cluster (${full}), and prepare a cell: true`,
    ]);
    expect(await jobs(here)).toEqual([]);
    // One at a time, so that the starts show the order.
    await here.namespace.kubectl("delete", "pod", "filler", "--wait=false");
    const started = async (handle: ExecutionHandle) => Date.parse((await handle.result()).timings.started ?? "");
    const [lates, urgents] = await Promise.all([Promise.all(late.map(started)), Promise.all(urgent.map(started))]);
    expect(Math.max(...urgents)).toBeLessThan(Math.min(...lates.slice(3)));
    await allow();
  });

  it("a pod that is refused all the same, since nobody could see why: the run waits again, and its code runs once", async () => {
    await using here = await scene();
    const allow = await refuseAll(here, "pods", { hidden: true });
    const id = randomUUID();
    // Long enough for the second cell to start on a loaded machine.
    const handle = await here.worker.start({ ...request(tellStart(id)), startupTimeout: 20 });
    await until("a second cell", async () => (await summaries(here.worker, handle, "execute")).length > 1, 250);
    await allow();
    expect(await handle.result()).toMatchObject({ status: "succeeded", attempts: 1 });
    expect(await starts(id)).toBe(1);
    await until("the end of all that is left", async () => (await here.namespace.left()).length === 0, 250);
  });
});

/** What is retried, and for how long, while a cluster or the machine is unavailable. */
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { cellIdOf } from "#activities/plan";
import { KgentsError } from "#core/contract/error";
import { runKey } from "#platform/store/references";
import { outcome, scriptedProvider } from "../support/scripted-provider.ts";
import { startTestWorker, type TestWorker } from "../support/test-worker.ts";

const address = inject("temporalAddress");

const fullDisk = Object.assign(new Error("ENOSPC: no space left on device"), { code: "ENOSPC" });
const failures = [
  new KgentsError("cluster-unavailable", "the API server does not answer"),
  new KgentsError("forbidden", "the token has expired"),
  fullDisk,
];

/** Fails once in each of the ways, then succeeds. */
function passing(ways: readonly Error[] = failures): () => void {
  const left = [...ways];
  return () => {
    const failure = left.shift();
    if (failure) throw failure;
  };
}

/**
 * How long the server retries an activity of a workflow, in seconds, and what ends that sooner. Read from its history.
 */
async function retriesOf({ client }: TestWorker, workflowId: string, activity: string) {
  const { events } = await client.workflow.getHandle(workflowId).fetchHistory();
  const event = (events ?? []).find((one) => one.activityTaskScheduledEventAttributes?.activityType?.name === activity);
  const scheduled = event?.activityTaskScheduledEventAttributes;
  const scheduledId = String(event?.eventId);
  const started = (events ?? [])
    .map((event) => event.activityTaskStartedEventAttributes)
    .find((attributes) => attributes && String(attributes.scheduledEventId) === scheduledId);
  return {
    attempts: started?.attempt,
    seconds: Number(scheduled?.scheduleToCloseTimeout?.seconds ?? 0),
    maximumAttempts: scheduled?.retryPolicy?.maximumAttempts,
    final: scheduled?.retryPolicy?.nonRetryableErrorTypes,
  };
}
const untilTheEnd = { maximumAttempts: 0, final: [] };

const removals = new Map<string, () => void>();
const { promise: begun, resolve: begin } = Promise.withResolvers<void>();
const cluster = scriptedProvider("kubernetes", {
  run: async ({ code }, { stop }) => {
    if (code !== "goes on") return outcome();
    begin();
    await new Promise((resolve) => stop.addEventListener("abort", resolve));
    throw new Error("stopped");
  },
  release: passing(),
  remove: (cellId) => {
    const removal = removals.get(cellId) ?? passing();
    removals.set(cellId, removal);
    removal();
  },
});
const sandbox = scriptedProvider("subprocess", {
  reach: "host",
  // An error that is not ours may be a transient one of the machine.
  acquire: passing([fullDisk, fullDisk, fullDisk]),
});

let worker: TestWorker;
beforeAll(async () => {
  worker = await startTestWorker(address, { providers: { kubernetes: cluster, subprocess: sandbox } });
});
afterAll(() => worker[Symbol.asyncDispose]());

describe.concurrent("after any failure that may pass", () => {
  it("the cell of a cancelled run is removed", async () => {
    const handle = await worker.start({ code: "goes on" });
    await begun;
    await handle.cancel();
    expect(await handle.result()).toMatchObject({ status: "cancelled" });
    const retries = await retriesOf(worker, handle.id, "cleanUp");
    expect(retries).toMatchObject({ ...untilTheEnd, attempts: 4 });
    expect(retries.seconds).toBeGreaterThanOrEqual(300);
  });

  it("a finished cell is released and removed", async () => {
    const handle = await worker.start({ code: "x", ttl: 0 });
    await handle.result();
    const run = { workflowId: handle.id, runId: handle.runId, key: runKey(handle.id, handle.runId) };
    const reap = worker.client.workflow.getHandle(`reap-${cellIdOf(run, 1)}`);
    await reap.result();
    const [release, remove] = await Promise.all([
      retriesOf(worker, reap.workflowId, "releaseCell"),
      retriesOf(worker, reap.workflowId, "removeCell"),
    ]);
    expect(release).toMatchObject({ ...untilTheEnd, attempts: 4 });
    expect(release.seconds).toBeGreaterThanOrEqual(300);
    expect(remove).toMatchObject({ ...untilTheEnd, attempts: 4, seconds: 86_400 });
  });

  it("a cell is prepared: a full disk is no defect", async () => {
    const result = await worker.run({ code: "x", backend: "subprocess" });
    expect(result).toMatchObject({ status: "succeeded", attempts: 1 });
    expect(sandbox.calls).toEqual(["acquire", "acquire", "acquire", "acquire", "run", "remove"]);
  });
});

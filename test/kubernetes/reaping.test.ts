/** Finished cells: they are kept for their TTL by a separate workflow. */
import { randomUUID } from "node:crypto";
import type { WorkflowHandle } from "@temporalio/client";
import { describe, expect, it } from "vitest";
import type { KubernetesJson } from "#cells/kubernetes/api/kubernetes-json";
import type { ExecutionHandle } from "#client/sdk/execution-handle";
import { cellOf, hasOutput, leftOf, until } from "./moments.ts";
import { jobType, useClusterWorker } from "./support.ts";
import { witness } from "./witness.ts";

const here = useClusterWorker();

/** The Jobs and pods of one run. */
const left = (handle: ExecutionHandle): Promise<number> => leftOf(here.namespace, handle);

interface StoredJob extends KubernetesJson {
  readonly status?: { readonly conditions?: readonly { readonly type: string }[] };
}

const isComplete = async (handle: ExecutionHandle): Promise<boolean> => {
  const job = await here.namespace.objects.get<StoredJob>(jobType, { name: cellOf(handle) });
  return job?.status?.conditions?.some(({ type }) => type === "Complete") ?? false;
};

/** The summaries in the history, in order. */
async function summariesOf(handle: WorkflowHandle): Promise<string[]> {
  const { events } = await handle.fetchHistory();
  return (events ?? []).flatMap(({ userMetadata }) => {
    const data = userMetadata?.summary?.data;
    return data ? [JSON.parse(Buffer.from(data).toString())] : [];
  });
}

const quick = { code: "echo done", language: "sh", cpu: 1 } as const;

describe.concurrent("a finished Job", () => {
  it.each([
    ["that the request names", { ...quick, ttl: 6 }, 6],
    ["of the default, a minute", quick, 60],
  ])("can be looked at for the TTL %s, and is gone after", async (_name, request, ttl) => {
    const handle = await here.worker.start(request);
    await handle.result();
    const ended = Date.now();
    await until("the Job's end", () => isComplete(handle), 500);
    await until("the Job's removal", async () => (await left(handle)) === 0, 500, (ttl + 20) * 1000);
    const stayed = (Date.now() - ended) / 1000;
    expect(stayed).toBeGreaterThan(ttl - 1);
    expect(stayed).toBeLessThan(ttl + 10);
  });

  it("is reaped by a workflow of its own, which the run's end does not end and which says what it does", async () => {
    const handle = await here.worker.start({ ...quick, ttl: 5 });
    await handle.result();
    const cellId = cellOf(handle);
    const reap = here.worker.client.workflow.getHandle(`reap-${cellId}`);
    const [run, child] = await Promise.all([
      here.worker.client.workflow.getHandle(handle.id).describe(),
      reap.describe(),
    ]);
    expect(run.status.name).toBe("COMPLETED");
    expect(child).toMatchObject({ status: { name: "RUNNING" }, type: "reapCell" });
    expect(child.parentExecution?.workflowId).toBe(handle.id);
    expect(await left(handle)).toBeGreaterThan(0);
    await reap.result();
    expect(await left(handle)).toBe(0);
    expect(await summariesOf(reap)).toEqual([
      `end of the cell ${cellId}, and removal of its Job 5 s later`,
      `let the finished cell ${cellId} end`,
      `keep the finished Job ${cellId} for 5 s`,
      `remove the Job ${cellId}`,
    ]);
  });

  it.each([
    ["failed", "exit 3"],
    ["timed-out", "sleep 60"],
  ])("of code that %s stays for its TTL too", async (status, code) => {
    const handle = await here.worker.start({ ...quick, code, timeout: 2, ttl: 3 });
    expect(await handle.result()).toMatchObject({ status });
    expect(await left(handle)).toBeGreaterThan(0);
    await until("the removal", async () => (await left(handle)) === 0, 500);
  });
});

it.concurrent("the cell of a run that is terminated is removed within seconds by the worker that follows it", async () => {
  const handle = await here.worker.start(witness(randomUUID(), 60));
  await hasOutput({ ...here.worker, namespace: here.namespace }, handle, 500);
  await here.worker.client.workflow.getHandle(handle.id).terminate();
  const since = Date.now();
  await until("the removal", async () => (await left(handle)) === 0, 250);
  expect(Date.now() - since).toBeLessThan(12_000);
});

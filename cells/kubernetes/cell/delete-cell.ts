/**
 * Deletes a cell in the cluster: deletes its Job and waits for its nodes to confirm that the pods are gone.
 *
 * @module
 */
import type { V1Job } from "@kubernetes/client-node";
import { instanceLabel } from "#core/manifest/cluster-names";
import { isToAsk } from "../api/ask-again.ts";
import type { ClusterClient } from "../api/cluster-client.ts";
import { ClusterError } from "../api/cluster-error.ts";
import { listPods, readJob } from "../api/observe.ts";
import type { ObservedPod } from "../api/observed-cell.ts";
import type { OwnCells } from "../api/own-cells.ts";
import { runScript } from "../exec/exec-session.ts";
import { cellContainer } from "./classify-cell.ts";
import { podsOfCell } from "./pin.ts";

/** The part of a Job that its deletion needs. */
export type FoundJob = Pick<V1Job, "metadata">;

/**
 * Deletes the Job with this uid, not another one of its name; its pods are deleted in the background. @throws
 * ClusterError
 */
export async function deleteJob(client: ClusterClient, { metadata }: FoundJob): Promise<void> {
  const { name = "", uid = "" } = metadata ?? {};
  await client.request("deleting the Job", async ({ batch }, options) => {
    const body = { propagationPolicy: "Background", preconditions: { uid } };
    await batch.deleteNamespacedJob({ namespace: client.namespace, name, body }, options).catch(unlessGone);
  });
}

/**
 * How long the node may take to terminate deleted pods, in milliseconds: one second of grace, and the time for the
 * kubelet to kill and to report.
 */
const endMilliseconds = 12_000;
/** How long a node may take to answer, in milliseconds, before its pods are deleted without its confirmation. */
const answerMilliseconds = 5000;
const confirmMilliseconds = 5000;

/** The pods of a cell according to the watch, which may lag behind. */
const knownPods = ({ watch }: OwnCells, cellId: string): readonly ObservedPod[] =>
  podsOfCell(watch.podsOf(cellId), cellId);

/**
 * The pods of a cell that are left after some time. While the watch delivers events, it is trusted for pods that still
 * exist. That pods are gone, or still exist at the end, is confirmed by the server.
 */
async function podsLeft(own: OwnCells, cellId: string, milliseconds: number): Promise<readonly ObservedPod[]> {
  const limit = AbortSignal.timeout(milliseconds);
  const lookMilliseconds = 1000;
  let askedAt = Date.now();
  for (;;) {
    using change = own.watch.listen(cellId, limit);
    if (limit.aborted || knownPods(own, cellId).length === 0 || isToAsk(own.watch, askedAt)) {
      askedAt = Date.now();
      const pods = podsOfCell(await listPods(own, cellId), cellId);
      if (pods.length === 0 || limit.aborted) return pods;
    }
    await change.within(lookMilliseconds);
  }
}

/** Whether a container of a pod has started, as reported by its node. */
const hasStarted = ({ status }: ObservedPod): boolean =>
  (status?.containerStatuses ?? []).some(
    ({ state }) => state?.running !== undefined || state?.terminated !== undefined,
  );

/** The API server's error messages when it cannot reach a kubelet. */
const unreachedNode = /error dialing backend|dial tcp|no route to host|i\/o timeout|context deadline exceeded|tunnel/i;

/** Whether the node of a pod answers, even if only to report that the container no longer exists. */
async function nodeAnswers({ client }: OwnCells, { metadata }: ObservedPod): Promise<boolean> {
  const target = { pod: metadata.name, container: cellContainer };
  try {
    const end = await runScript(client, target, ["true"], AbortSignal.timeout(answerMilliseconds));
    return "exitCode" in end || !unreachedNode.test(end.broken);
  } catch (error) {
    if (!(error instanceof ClusterError)) throw error;
    return error.status !== undefined && !unreachedNode.test(error.message);
  }
}

/**
 * Deletes the Job of a cell and confirms that nothing of it is left. Does nothing if there is no such cell or it
 * belongs to another instance.
 *
 * A pod that its node is still terminating is not gone, however long that takes. A pod whose node does not answer is
 * force-deleted from the cluster; its processes may still run on that node.
 *
 * @param found the cell's Job, if the caller has just read it: only this Job is deleted, not a later one of its name
 * @throws ClusterError; Error if a node is still terminating a pod, or pods remain after their deletion
 */
export async function deleteCell(own: OwnCells, cellId: string, found?: FoundJob): Promise<void> {
  const { client, instance } = own;
  const job = found === undefined ? await readJob(own, cellId) : found;
  if (job && job.metadata?.labels?.[instanceLabel] !== instance) return;
  if (job) await deleteJob(client, job);
  const remove = async (pod: ObservedPod, atOnce: boolean): Promise<void> => {
    await client.request("deleting a pod", async ({ core }, options) => {
      const { name, uid } = pod.metadata;
      const body = { ...(atOnce && { gracePeriodSeconds: 0 }), ...(uid && { preconditions: { uid } }) };
      await core.deleteNamespacedPod({ namespace: client.namespace, name, body }, options).catch(unlessGone);
    });
  };
  // A pod whose supervisor has not started never gets code. Force-delete it, because its node may keep pulling an image
  // for minutes.
  const known = knownPods(own, cellId);
  // "Started" never changes back, so a stale watch is enough for it. Only the server can say that a container has not
  // started.
  if (known.length === 0 || !known.every(hasStarted)) {
    const pods = podsOfCell(await listPods(own, cellId), cellId);
    if (pods.length === 0) return;
    for (const pod of pods) if (!hasStarted(pod)) await remove(pod, true);
  }
  const left = await podsLeft(own, cellId, endMilliseconds);
  if (left.length === 0) return;
  for (const pod of left) {
    const isBeingEnded = pod.metadata.deletionTimestamp !== undefined;
    if (isBeingEnded && (await nodeAnswers(own, pod))) {
      throw new Error(`the node still ends the pod ${pod.metadata.name} of ${cellId}`);
    }
    // Force-delete if the node does not answer. Delete normally if the garbage collector has not deleted the pod with
    // its Job.
    await remove(pod, isBeingEnded);
  }
  if ((await podsLeft(own, cellId, confirmMilliseconds)).length > 0) {
    throw new Error(`the pods of ${cellId} are still there after they were deleted`);
  }
}

/** Ignores 404 and 409: the object is gone or was replaced by another of the same name. */
function unlessGone(error: unknown): void {
  const { code }: { code?: unknown } = typeof error === "object" && error !== null ? error : {};
  if (code !== 404 && code !== 409) throw error;
}

/**
 * The end of a cell in the cluster: its Job is deleted, and its pods are gone only when their node says so.
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
import { runProgram } from "../exec/exec-session.ts";
import { cellContainer } from "./classify-cell.ts";
import { podsOfCell } from "./pin.ts";

/** As much of a Job as its deletion needs. */
export type FoundJob = Pick<V1Job, "metadata">;

/** Deletes this very Job, and no other of its name; its pods follow. @throws ClusterError */
export async function deleteJob(client: ClusterClient, { metadata }: FoundJob): Promise<void> {
  const { name = "", uid = "" } = metadata ?? {};
  await client.request("deleting the Job", async ({ batch }, options) => {
    const body = { propagationPolicy: "Background", preconditions: { uid } };
    await batch.deleteNamespacedJob({ namespace: client.namespace, name, body }, options).catch(unlessGone);
  });
}

/** How long the node may take to end pods that are deleted: one second of grace, and what the kubelet needs to kill and to say so. */
const endMilliseconds = 12_000;
/** How long a node may take to answer, before its pods are taken out of the cluster without its word. */
const answerMilliseconds = 5000;
const confirmMilliseconds = 5000;

/** The pods of a cell as the watch knows them: it may lag behind. */
const knownPods = ({ watch }: OwnCells, cellId: string): readonly ObservedPod[] =>
  podsOfCell(watch.podsOf(cellId), cellId);

/**
 * The pods of a cell that are left when so much time is over. That they are there is believed of the watch while it speaks; that
 * they are gone, or still there at the end, the server itself has said.
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

/** Whether a container of a pod has run, as far as its node has said. */
const hasStarted = ({ status }: ObservedPod): boolean =>
  (status?.containerStatuses ?? []).some(
    ({ state }) => state?.running !== undefined || state?.terminated !== undefined,
  );

/** What the API server says where it cannot reach a kubelet. */
const unreachedNode = /error dialing backend|dial tcp|no route to host|i\/o timeout|context deadline exceeded|tunnel/i;

/** Whether the node of a pod answers, if only that it has no such container any more. */
async function nodeAnswers({ client }: OwnCells, { metadata }: ObservedPod): Promise<boolean> {
  const target = { pod: metadata.name, container: cellContainer };
  try {
    const end = await runProgram(client, target, ["true"], AbortSignal.timeout(answerMilliseconds));
    return "exitCode" in end || !unreachedNode.test(end.broken);
  } catch (error) {
    if (!(error instanceof ClusterError)) throw error;
    return error.status !== undefined && !unreachedNode.test(error.message);
  }
}

/**
 * Deletes the Job of a cell and confirms that nothing of it is left; nothing to do is no error. Leaves alone what is not
 * this instance's.
 *
 * A pod that its node still ends is not gone, however long that takes. One whose node does not answer is taken out of the cluster:
 * nobody can tell what lives on there.
 *
 * @param found the cell's Job, where the server was asked for it just now: this one is deleted, and no other that has its name by then
 * @throws ClusterError; Error where a node still ends a pod, or something else resists
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
  // One whose supervisor has not started has no code, and never will: its node may go on pulling an image for minutes.
  const known = knownPods(own, cellId);
  // A container that has started stays started, however old the word of it is; that one has not, only the server can say.
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
    // Its node does not answer, or nobody collects what its Job has left.
    await remove(pod, isBeingEnded);
  }
  if ((await podsLeft(own, cellId, confirmMilliseconds)).length > 0) {
    throw new Error(`the pods of ${cellId} are still there after they were deleted`);
  }
}

/** Gone, or another of the same name by now: there is nothing to delete. */
function unlessGone(error: unknown): void {
  const { code }: { code?: unknown } = typeof error === "object" && error !== null ? error : {};
  if (code !== 404 && code !== 409) throw error;
}

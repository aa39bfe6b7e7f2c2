import type { CoreV1Event, V1Job } from "@kubernetes/client-node";
import { cellLabel, instanceLabel } from "#core/manifest/cluster-names";
import { ClusterError } from "./cluster-error.ts";
import type { ObservedCell, ObservedEvent, ObservedJob, ObservedPod } from "./observed-cell.ts";
import type { OwnCells } from "./own-cells.ts";
import { toObservedPod } from "./pod-watch.ts";

const isGone = (error: unknown): boolean => error instanceof ClusterError && error.status === 404;

/** Whether a Job has finished. */
export const isFinished = ({ status }: V1Job): boolean =>
  (status?.conditions ?? []).some(
    (condition) => (condition.type === "Complete" || condition.type === "Failed") && condition.status === "True",
  );

/** Reads the Job of a cell; null if there is none. @throws ClusterError */
export async function readJob(
  { client }: Pick<OwnCells, "client">,
  cellId: string,
  signal?: AbortSignal,
): Promise<V1Job | null> {
  try {
    return await client.request(
      "reading the Job",
      ({ batch }, options) => batch.readNamespacedJob({ namespace: client.namespace, name: cellId }, options),
      signal ? { signal } : {},
    );
  } catch (error) {
    if (isGone(error)) return null;
    throw error;
  }
}

/** Lists the pods of a cell from the server rather than the watch. @throws ClusterError */
export async function listPods(
  { client, instance }: Pick<OwnCells, "client" | "instance">,
  cellId: string,
  signal?: AbortSignal,
): Promise<ObservedPod[]> {
  const labelSelector = `${instanceLabel}=${instance},${cellLabel}=${cellId}`;
  const { items } = await client.request(
    "listing the cell's pods",
    ({ core }, options) => core.listNamespacedPod({ namespace: client.namespace, labelSelector }, options),
    signal ? { signal } : {},
  );
  return items.map(toObservedPod);
}

function toObservedEvent({ reason, message, lastTimestamp, eventTime, metadata }: CoreV1Event): ObservedEvent {
  const at = lastTimestamp ?? eventTime ?? metadata.creationTimestamp;
  return {
    reason: reason ?? "",
    message: message ?? "",
    lastTimestamp: at ? new Date(at).toISOString() : "",
  };
}

/** Lists the events of the Job with this uid. Events of an earlier Job of the same name do not count. */
async function listEvents({ client }: OwnCells, { metadata }: V1Job, signal?: AbortSignal): Promise<ObservedEvent[]> {
  const fieldSelector = `involvedObject.kind=Job,involvedObject.uid=${metadata?.uid}`;
  const { items } = await client.request(
    "listing the Job's events",
    ({ core }, options) => core.listNamespacedEvent({ namespace: client.namespace, fieldSelector }, options),
    signal ? { signal } : {},
  );
  return items.map(toObservedEvent);
}

/**
 * Reads the complete state of a cell from the server. The watch may lag behind or be dead, so nothing counts as gone or
 * failed before the server confirms it.
 *
 * @throws ClusterError
 */
export async function observeCell(own: OwnCells, cellId: string, signal?: AbortSignal): Promise<ObservedCell> {
  const [job, pods] = await Promise.all([readJob(own, cellId, signal), listPods(own, cellId, signal)]);
  const observed: ObservedJob | null = job && JSON.parse(JSON.stringify(job));
  // Events only add information if there is no pod.
  const events = job && pods.length === 0 ? await listEvents(own, job, signal) : [];
  return { job: observed, pods, events };
}

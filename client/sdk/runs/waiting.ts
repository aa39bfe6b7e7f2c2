import type { QueuedHeartbeat } from "#activities/contract";
import { clusterWaitingTaskQueue, waitingTaskQueue } from "#core/contract/names";
import type { RunDescription } from "../temporal/run-service.ts";

/** A run's wait while all places are taken. */
export interface Waiting {
  /** Whether it waits for a sandbox or for the cluster. */
  readonly place: "sandbox" | "cluster";
  /** How many runs wait before it on its worker; null in Temporal's queue, from which any worker may take it. */
  readonly ahead: number | null;
  /**
   * Which limit of the cluster is reached, as a phrase: a quota of the namespace, or the worker's own maximum. Null in
   * Temporal's queue, where it is not known.
   */
  readonly full: string | null;
}

/** Whether a run waits for a place, from its pending activities. */
export function waitingOf({
  pendingActivities,
  taskQueue,
}: Pick<RunDescription, "pendingActivities" | "taskQueue">): Waiting | null {
  const provision = pendingActivities.find(({ type }) => type === "provision");
  const queue = provision?.taskQueue;
  const place = queue === waitingTaskQueue(taskQueue) ? "sandbox" : "cluster";
  if (!provision || (place === "cluster" && queue !== clusterWaitingTaskQueue(taskQueue))) return null;
  const beat = provision.heartbeat as Partial<QueuedHeartbeat> | null | undefined;
  if (beat?.phase === "queued") return { place, ahead: (beat.ahead ?? 1) - 1, full: beat.cluster ?? null };
  // It has started without reporting a wait: the cell is being prepared.
  return provision.startedAt ? null : { place, ahead: null, full: null };
}

/** Describes a wait for users. */
export function waitingInWords({ place, ahead, full }: Waiting): string {
  const reason = place === "sandbox" ? "all sandbox slots are taken" : "the cluster has no free capacity";
  const why = full === null ? reason : `${reason} (${full})`;
  if (ahead === null) return `waiting in the queue: ${why}`;
  const position = ahead === 0 ? "this run is next" : `runs ahead of this one: ${ahead}`;
  return `waiting on its worker: ${why}; ${position}`;
}

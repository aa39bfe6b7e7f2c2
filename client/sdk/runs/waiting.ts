import type { WorkflowClient, WorkflowHandle } from "@temporalio/client";
import type { QueuedHeartbeat } from "#activities/contract";
import { clusterWaitingTaskQueue, waitingTaskQueue } from "#core/contract/names";
import { decodeFirst } from "./history.ts";

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

type Description = Awaited<ReturnType<WorkflowHandle["describe"]>>;

/** Whether a run waits for a place, from its pending activities. */
export async function waitingOf(
  client: WorkflowClient,
  { raw, taskQueue }: Pick<Description, "raw" | "taskQueue">,
): Promise<Waiting | null> {
  const provision = raw.pendingActivities?.find(({ activityType }) => activityType?.name === "provision");
  const queue = provision?.activityOptions?.taskQueue?.name;
  const place = queue === waitingTaskQueue(taskQueue) ? "sandbox" : "cluster";
  if (!provision || (place === "cluster" && queue !== clusterWaitingTaskQueue(taskQueue))) return null;
  const beat = (await decodeFirst(client, provision.heartbeatDetails)) as Partial<QueuedHeartbeat> | undefined;
  if (beat?.phase === "queued") return { place, ahead: (beat.ahead ?? 1) - 1, full: beat.cluster ?? null };
  // It has started without reporting a wait: the cell is being prepared.
  return provision.lastStartedTime ? null : { place, ahead: null, full: null };
}

/** Describes a wait for users. */
export function waitingInWords({ place, ahead, full }: Waiting): string {
  const reason = place === "sandbox" ? "all sandbox slots are taken" : "the cluster has no free capacity";
  const why = full === null ? reason : `${reason} (${full})`;
  if (ahead === null) return `waiting in the queue: ${why}`;
  const position = ahead === 0 ? "this run is next" : `runs ahead of this one: ${ahead}`;
  return `waiting on its worker: ${why}; ${position}`;
}

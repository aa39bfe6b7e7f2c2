import type { WorkflowHandle } from "@temporalio/client";
import { defaultPayloadConverter } from "@temporalio/common";
import { waitingTaskQueue } from "../../core/names.ts";

/** That a run waits because all places are taken. */
export interface Waiting {
  /** How many wait before it on the worker that has taken it; null while it is in Temporal's queue, where any worker may take it. */
  readonly ahead: number | null;
}

type Description = Awaited<ReturnType<WorkflowHandle["describe"]>>;

/** Whether a run waits for a place, by what Temporal says of its activities. */
export function waitingOf({ raw, taskQueue }: Pick<Description, "raw" | "taskQueue">): Waiting | null {
  const provision = raw.pendingActivities?.find(({ activityType }) => activityType?.name === "provision");
  if (provision?.activityOptions?.taskQueue?.name !== waitingTaskQueue(taskQueue)) return null;
  const payload = provision.heartbeatDetails?.payloads?.[0];
  const beat = payload && defaultPayloadConverter.fromPayload<{ phase?: string; ahead?: number }>(payload);
  if (beat?.phase === "queued") return { ahead: (beat.ahead ?? 1) - 1 };
  // Begun, and without a word of waiting: it is being prepared.
  return provision.lastStartedTime ? null : { ahead: null };
}

/** A wait, in people's words. */
export function waitingInWords({ ahead }: Waiting): string {
  if (ahead === null) return "all places are taken, and it waits for one in the queue";
  return `all places are taken, and it waits for one: ${ahead === 0 ? "it is the next" : `${ahead} before it`} on its worker`;
}

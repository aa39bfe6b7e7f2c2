import { setTimeout as wait } from "node:timers/promises";
import type { WorkflowHandle } from "@temporalio/client";
import { z } from "zod";
import type { ExecuteHeartbeat, LiveWindow } from "#activities/contract";
import type { ExecutionResult } from "#core/contract/result";
import type { StreamName } from "#platform/store/references";
import { decodeFirst } from "../runs/history.ts";
import { fits } from "../runs/read-result.ts";
import { type OutputEvent, remainingOutput } from "./event.ts";

const streams: readonly StreamName[] = ["stdout", "stderr"];

/** Temporal has no push for heartbeats. A Describe costs it 1 ms; workers beat each 250 ms at most while output comes. */
const pollMilliseconds = { first: 125, longest: 1000 } as const;

/** How long to wait before the next look: twice as long as before where nothing was new, up to a second. */
export const nextPause = (before: number, isNew: boolean): number =>
  isNew ? pollMilliseconds.first : Math.min(2 * before, pollMilliseconds.longest);

const position = z.int().min(0);
const windowSchema = z.object({ offset: position, base64: z.string() });
const heartbeatSchema = z.object({
  attempt: position,
  bytes: z.object({ stdout: position, stderr: position }).optional(),
  live: z.object({ stdout: windowSchema.optional(), stderr: windowSchema.optional() }).optional(),
});

/** The newest heartbeat of `execute`, where it runs now and has the shape of one of kgents. */
export async function newestHeartbeat(handle: WorkflowHandle): Promise<ExecuteHeartbeat | undefined> {
  const { raw } = await handle.describe();
  const activity = raw.pendingActivities?.find(({ activityType }) => activityType?.name === "execute");
  const beat = await decodeFirst(handle.client, activity?.heartbeatDetails);
  return fits(heartbeatSchema, beat) ? (beat as ExecuteHeartbeat) : undefined;
}

/** What a window adds to a stream that was followed up to an offset; undefined where bytes between them are missing. */
export function stitch(offset: number, window: LiveWindow): Buffer | undefined {
  const bytes = Buffer.from(window.base64, "base64");
  if (window.offset > offset) return undefined;
  return bytes.subarray(Math.min(bytes.length, offset - window.offset));
}

/**
 * Follows a run's output by the heartbeats of its activity, where the store is out of reach.
 *
 * A stream that outruns the heartbeats is not followed further, since bytes would be missing in the middle; the result
 * then brings the rest, from the very byte.
 *
 * @param onBehind called once for a stream that is no longer followed live
 */
export async function* followHeartbeats(
  handle: WorkflowHandle,
  result: Promise<ExecutionResult>,
  onBehind: (stream: StreamName) => void = () => {},
): AsyncGenerator<OutputEvent> {
  let attempt = 1;
  let offsets = { stdout: 0, stderr: 0 };
  let behind = { stdout: false, stderr: false };
  let finished: ExecutionResult | undefined;
  let pause: number = pollMilliseconds.first;
  const end = new AbortController();
  result
    .then((value) => (finished = value))
    .catch(() => {})
    .finally(() => end.abort());
  while (!end.signal.aborted) {
    // A Describe that fails says nothing about the run: the result will come, or its error.
    const heartbeat = await newestHeartbeat(handle).catch(() => undefined);
    if (heartbeat && heartbeat.attempt !== attempt) {
      attempt = heartbeat.attempt;
      offsets = { stdout: 0, stderr: 0 };
      behind = { stdout: false, stderr: false };
    }
    let isNew = false;
    for (const stream of streams) {
      const window = heartbeat?.live?.[stream];
      if (!window || behind[stream]) continue;
      const bytes = stitch(offsets[stream], window);
      if (!bytes) {
        behind[stream] = true;
        onBehind(stream);
      } else if (bytes.length > 0) {
        isNew = true;
        yield { type: "output", stream, offset: offsets[stream], bytes };
        offsets[stream] += bytes.length;
      }
    }
    pause = nextPause(pause, isNew);
    await wait(pause, undefined, { signal: end.signal }).catch(() => {});
  }
  if (!finished) return;
  const sameAttempt = finished.attempts === attempt;
  for (const stream of streams) {
    yield* remainingOutput(stream, sameAttempt ? offsets[stream] : 0, finished[stream]);
  }
}

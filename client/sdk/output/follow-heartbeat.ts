import { z } from "zod";
import type { ExecuteHeartbeat, LiveWindow } from "#activities/contract";
import type { ExecutionResult } from "#core/contract/result";
import { createBackoff } from "#platform/host/backoff";
import type { StreamName } from "#platform/store/references";
import { fits } from "../runs/read-result.ts";
import type { RunReference, RunService } from "../temporal/run-service.ts";
import { type OutputEvent, remainingOutput } from "./event.ts";

const streams: readonly StreamName[] = ["stdout", "stderr"];

/**
 * The pauses between polls, which grow while nothing is new. Heartbeats must be polled in Temporal. A Describe costs it
 * 1 ms; workers send heartbeats every 250 ms at most while there is output.
 */
const pollMilliseconds = { first: 125, longest: 1000 } as const;

const position = z.int().min(0);
const windowSchema = z.object({ offset: position, base64: z.string() });
const heartbeatSchema = z.object({
  attempt: position,
  bytes: z.object({ stdout: position, stderr: position }).optional(),
  live: z.object({ stdout: windowSchema.optional(), stderr: windowSchema.optional() }).optional(),
});

/** The latest heartbeat of a running `execute`, if it has the expected shape. */
export async function newestHeartbeat(service: RunService, run: RunReference): Promise<ExecuteHeartbeat | undefined> {
  const { pendingActivities } = await service.describe(run);
  const beat = pendingActivities.find(({ type }) => type === "execute")?.heartbeat;
  return fits(heartbeatSchema, beat) ? (beat as ExecuteHeartbeat) : undefined;
}

/** The bytes that a window adds to a stream after an offset; undefined if there is a gap. */
export function stitch(offset: number, window: LiveWindow): Buffer | undefined {
  const bytes = Buffer.from(window.base64, "base64");
  if (window.offset > offset) return undefined;
  return bytes.subarray(Math.min(bytes.length, offset - window.offset));
}

/**
 * Follows a run's output through the heartbeats of its activity, if the store is out of reach.
 *
 * A stream that outruns the heartbeats is no longer followed, because bytes would be missing. The result then adds the
 * rest from the same offset.
 *
 * @param onBehind called once for each stream that is no longer followed
 */
export async function* followHeartbeats(
  service: RunService,
  run: RunReference,
  result: Promise<ExecutionResult>,
  onBehind: (stream: StreamName) => void = () => {},
): AsyncGenerator<OutputEvent> {
  let attempt = 1;
  let offsets = { stdout: 0, stderr: 0 };
  let behind = { stdout: false, stderr: false };
  let finished: ExecutionResult | undefined;
  const backoff = createBackoff(pollMilliseconds);
  const end = new AbortController();
  result
    .then((value) => (finished = value))
    .catch(() => {})
    .finally(() => end.abort());
  while (!end.signal.aborted) {
    // Ignore a failed Describe: the result or its error will follow.
    const heartbeat = await newestHeartbeat(service, run).catch(() => undefined);
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
    if (isNew) backoff.reset();
    await backoff.pause(end.signal);
  }
  if (!finished) return;
  const sameAttempt = finished.attempts === attempt;
  for (const stream of streams) {
    yield* remainingOutput(stream, sameAttempt ? offsets[stream] : 0, finished[stream]);
  }
}

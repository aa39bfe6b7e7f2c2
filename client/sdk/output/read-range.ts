/**
 * A range of a run's output by offset, during the run and afterwards.
 *
 * @module
 */
import { buffer } from "node:stream/consumers";
import { maximumStarts } from "#core/contract/request";
import type { ArtifactStore } from "#platform/store/artifact-store";
import { runKey, type StreamName, streamReference } from "#platform/store/references";
import type { ExecutionHandle } from "../execution-handle.ts";

/** The requested bytes. */
export interface RangeRequest {
  readonly offset: number;
  readonly length: number;
}

/** A piece of output. */
export interface OutputRange {
  readonly bytes: Uint8Array;
  /** The number of bytes after the requested offset that cannot be retrieved; `bytes` is then empty. */
  readonly omitted: number;
  /** The length of the stream so far. */
  readonly total: number;
  /** Whether more may still be written. */
  readonly isGrowing: boolean;
}

/** The latest attempt with output; the first if there is none. */
function newestAttempt(sizes: ReadonlyMap<string, number>, key: string): number {
  for (let attempt = maximumStarts; attempt > 1; attempt -= 1) {
    const written = (["stdout", "stderr"] as const).map((stream) => sizes.get(streamReference(key, attempt, stream)));
    if (written.some((size) => (size ?? 0) > 0)) return attempt;
  }
  return 1;
}

/**
 * Reads a range of a stream: from the artifact store if it can be reached, else from the result or the latest
 * heartbeat.
 *
 * @throws KgentsError `temporal-unavailable`
 */
export async function readStreamRange(
  handle: ExecutionHandle,
  store: ArtifactStore | undefined,
  stream: StreamName,
  { offset, length }: RangeRequest,
): Promise<OutputRange> {
  // Read the status before the sizes: a run that is closed by then writes no more.
  const { status } = await handle.describe();
  const isGrowing = status === "running";
  // A run that could not be carried out has no result, but may have output.
  const result = isGrowing ? undefined : await handle.result().catch(() => undefined);
  if (store) {
    const key = runKey(handle.id, handle.firstRunId);
    const sizes = await store.list(key);
    const reference = streamReference(key, result?.attempts || newestAttempt(sizes, key), stream);
    const total = sizes.get(reference) ?? 0;
    if (total >= (result?.[stream].bytes ?? 0)) {
      const bytes = await buffer(store.read(reference, offset, Math.min(total, offset + length)));
      return { bytes, omitted: 0, total, isGrowing };
    }
  }
  let total = 0;
  let found: Pick<OutputRange, "bytes" | "omitted"> | undefined;
  for await (const event of handle.outputSoFar()) {
    if (event.stream !== stream) continue;
    total = event.offset + (event.type === "output" ? event.bytes.length : event.length);
    if (found || offset < event.offset || offset >= total) continue;
    found =
      event.type === "omitted"
        ? { bytes: new Uint8Array(), omitted: total - offset }
        : { bytes: event.bytes.subarray(offset - event.offset).subarray(0, length), omitted: 0 };
  }
  return { ...(found ?? { bytes: new Uint8Array(), omitted: 0 }), total, isGrowing };
}

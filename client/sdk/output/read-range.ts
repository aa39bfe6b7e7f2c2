/**
 * A piece of a run's output by its offset, while the code runs and afterwards.
 *
 * @module
 */
import { buffer } from "node:stream/consumers";
import { maximumStarts } from "#core/contract/request";
import type { ArtifactStore } from "#platform/store/artifact-store";
import { runKey, type StreamName, streamReference } from "#platform/store/references";
import type { ExecutionHandle } from "../execution-handle.ts";

/** Which bytes are asked for. */
export interface RangeRequest {
  readonly offset: number;
  readonly length: number;
}

/** A piece of output. */
export interface OutputRange {
  readonly bytes: Uint8Array;
  /** Bytes from the offset that was asked for on which are kept nowhere in reach; `bytes` is empty then. */
  readonly omitted: number;
  /** The length of the whole, as far as it has been written. */
  readonly total: number;
  /** Whether more may still be written. */
  readonly isGrowing: boolean;
}

/** The newest start of the code that has written something; the first where none has. */
function newestAttempt(sizes: ReadonlyMap<string, number>, key: string): number {
  for (let attempt = maximumStarts; attempt > 1; attempt -= 1) {
    const written = (["stdout", "stderr"] as const).map((stream) => sizes.get(streamReference(key, attempt, stream)));
    if (written.some((size) => (size ?? 0) > 0)) return attempt;
  }
  return 1;
}

/**
 * Reads a piece of a stream: from the artifact store where it is in reach, else from what result or heartbeat have.
 *
 * @throws KgentsError `temporal-unavailable`
 */
export async function readStreamRange(
  handle: ExecutionHandle,
  store: ArtifactStore | undefined,
  stream: StreamName,
  { offset, length }: RangeRequest,
): Promise<OutputRange> {
  // Asked for before the sizes: what was over then grows no more.
  const { status } = await handle.describe();
  const isGrowing = status === "running";
  // A run that could not be carried out has no result, and may have written something all the same.
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

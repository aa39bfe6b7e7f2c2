import type { Writable } from "node:stream";
import { untilDrained } from "../../until-drained.ts";

/** The store failed: an error on the worker's side, not the cell's. */
export class StoreError extends Error {}

/** Waits until a stream drains or fails, or until the signal is aborted. */
async function drained(sink: Writable, signal: AbortSignal): Promise<void> {
  await untilDrained(sink, signal);
  if (signal.aborted || !sink.destroyed) return;
  throw new StoreError(sink.errored?.message ?? "the stream of the store is closed", { cause: sink.errored });
}

/**
 * Copies the source to a stream that outlives the connection. Applies back-pressure: a slow store delays the copy, and
 * a blocked store is waited for until the signal is aborted.
 *
 * @throws StoreError
 */
export async function pour(
  source: AsyncIterable<Buffer>,
  sink: Writable,
  onBytes: (bytes: number) => void,
  signal: AbortSignal,
): Promise<void> {
  for await (const chunk of source) {
    if (sink.destroyed) throw new StoreError("the stream of the store is closed");
    onBytes(chunk.length);
    if (!sink.write(chunk)) await drained(sink, signal);
    if (signal.aborted) return;
  }
}

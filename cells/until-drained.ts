import type { Writable } from "node:stream";

/**
 * Waits until a stream drains, is closed, or the signal is aborted. Removes all its listeners: `once` of node:events
 * would leave those of the events that did not happen, one per wait.
 *
 * @param signal ends the wait. @default only the stream does
 */
export function untilDrained(stream: Writable, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const settle = (): void => {
      stream.off("drain", settle);
      stream.off("close", settle);
      signal?.removeEventListener("abort", settle);
      resolve();
    };
    stream.on("drain", settle);
    stream.on("close", settle);
    signal?.addEventListener("abort", settle);
    if (stream.destroyed || signal?.aborted) settle();
  });
}

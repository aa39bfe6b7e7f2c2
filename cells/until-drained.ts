import type { Writable } from "node:stream";

/**
 * Waits until a stream takes more, is closed, or is to be waited for no longer. Afterwards no listener is left: `once` of
 * node:events leaves those of the events that did not come, one for each wait.
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

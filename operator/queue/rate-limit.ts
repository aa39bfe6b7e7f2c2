import { setTimeout as wait } from "node:timers/promises";

const timer = (milliseconds: number, signal?: AbortSignal): Promise<void> =>
  wait(milliseconds, undefined, signal ? { signal } : {});

/**
 * Limits a rate: each call resolves when the next request may be sent, in the order of the calls.
 *
 * @param perSecond requests in a second, on average
 * @param burst requests that may be sent at once after a calm
 * @param pauseFor waits for milliseconds. @default a timer
 * @returns rejects with the signal's reason if the signal is aborted first
 */
export function createRateLimit(
  perSecond: number,
  burst: number,
  pauseFor: (milliseconds: number, signal?: AbortSignal) => Promise<void> = timer,
): (signal?: AbortSignal) => Promise<void> {
  const interval = 1000 / perSecond;
  /** When the bucket would be full again, as `performance.now()`. */
  let full = 0;
  return async (signal) => {
    signal?.throwIfAborted();
    const now = performance.now();
    full = Math.max(full, now) + interval;
    const pause = full - now - burst * interval;
    if (pause > 0) await pauseFor(pause, signal);
  };
}

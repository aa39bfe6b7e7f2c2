import { Refused } from "./tar-bounds.ts";
import type { Pace } from "./yield-to-event-loop.ts";

/** Ends a collection at its deadline, or when the run is stopped. */
export interface CollectionEnd extends Disposable {
  /**
   * Waits for `work`, but not beyond the end of the collection. Only one wait is active at a time.
   *
   * @throws Refused with the reason, if the collection has ended
   */
  readonly untilEnd: <T>(work: Promise<T>) => Promise<T>;
  /**
   * Yields the event loop if the current slice of the work has used its time.
   *
   * @throws Refused with the reason, if the collection has ended
   */
  readonly yieldIfDue: () => Promise<void>;
}

/**
 * Starts the deadline of a collection.
 *
 * @param options.onEnd called once, when the collection ends before its data does
 */
export function collectionEnd(options: {
  readonly patienceMilliseconds: number;
  readonly signal: AbortSignal | undefined;
  readonly pace: Pace;
  readonly onEnd: (why: Refused) => void;
}): CollectionEnd {
  const { patienceMilliseconds, signal, pace, onEnd } = options;
  let over: Refused | undefined;
  let rejectWait: (error: Refused) => void = () => {};
  const end = (why: string): void => {
    if (over) return;
    over = new Refused(why);
    onEnd(over);
    rejectWait(over);
  };
  const stop = (): void => end("the run was stopped before all files had come");
  const seconds = Math.round(patienceMilliseconds / 1000);
  const late = (): void => end(`collecting took longer than ${seconds} s, and what had not come was left out`);
  const clock = setTimeout(late, patienceMilliseconds);
  signal?.addEventListener("abort", stop, { once: true });
  if (signal?.aborted) stop();
  return {
    untilEnd: (work) =>
      new Promise((resolve, reject) => {
        rejectWait = reject;
        work.then(resolve, reject);
        if (over) reject(over);
      }),
    yieldIfDue: async () => {
      if (pace.isDue()) await pace.rest();
      if (over) throw over;
    },
    [Symbol.dispose]: () => {
      clearTimeout(clock);
      signal?.removeEventListener("abort", stop);
    },
  };
}

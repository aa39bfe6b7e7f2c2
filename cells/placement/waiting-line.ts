import { NoPlace } from "./no-place.ts";

/**
 * A queue of this worker's waiters. Places may become free without this worker's doing, so the first in the queue tries
 * again periodically.
 */
export interface WaitingLine {
  /**
   * Tries once if the queue is empty.
   *
   * @throws NoPlace; what the attempt throws
   */
  readonly tryNow: <Made>(attempt: () => Promise<Made>) => Promise<Made>;
  /**
   * Waits in order of arrival. The first in the queue retries periodically and after each change.
   *
   * @param onQueued called each time with the rank, 1 for the next, and why there is no place
   * @throws the signal's reason; what an attempt throws, except NoPlace
   */
  readonly wait: <Made>(
    attempt: () => Promise<Made>,
    signal: AbortSignal,
    onQueued: (rank: number, why: string) => void,
  ) => Promise<Made>;
  /** Notifies the queue that a place may be free. */
  readonly changed: () => void;
  readonly length: () => number;
}

/**
 * The pause between attempts. Shorter than the second for which quotas are cached, so that a free place is seen soon
 * after.
 */
const pauseMilliseconds = 250;

/** Creates an empty queue. @param onLength called whenever its length changes */
export function createWaitingLine(onLength: () => void): WaitingLine {
  const line: { wake: () => void }[] = [];
  let why = "other runs wait";
  const changed = (): void => {
    for (const { wake } of line) wake();
  };
  /** Tries once; undefined if there is no place. */
  const attempted = async <Made>(attempt: () => Promise<Made>): Promise<{ readonly made: Made } | undefined> => {
    try {
      return { made: await attempt() };
    } catch (error) {
      if (!(error instanceof NoPlace)) throw error;
      why = error.message;
      return undefined;
    }
  };
  return {
    changed,
    length: () => line.length,
    tryNow: async (attempt) => {
      const answer = line.length > 0 ? undefined : await attempted(attempt);
      if (answer) return answer.made;
      throw new NoPlace(why);
    },
    wait: async (attempt, signal, onQueued) => {
      const waiter = { wake: () => {} };
      const onAbort = (): void => waiter.wake();
      signal.addEventListener("abort", onAbort, { once: true });
      line.push(waiter);
      onLength();
      try {
        for (;;) {
          signal.throwIfAborted();
          // Set before the attempt: a change during the attempt must not be missed.
          const { promise, resolve } = Promise.withResolvers<void>();
          waiter.wake = resolve;
          if (line[0] === waiter) {
            const answer = await attempted(attempt);
            if (answer) return answer.made;
            signal.throwIfAborted();
          }
          onQueued(line.indexOf(waiter) + 1, why);
          const timer = setTimeout(resolve, pauseMilliseconds);
          await promise;
          clearTimeout(timer);
        }
      } finally {
        signal.removeEventListener("abort", onAbort);
        line.splice(line.indexOf(waiter), 1);
        onLength();
        changed();
      }
    },
  };
}

/** The reason why there is no place, in a phrase. */
export interface NoPlace {
  readonly noPlace: string;
}

/** Tries to get a place: returns its result, or the reason why there is none. */
type Attempt<Made> = () => Promise<Made | NoPlace>;

/**
 * A queue of this worker's waiters for places that are not released through this worker, so each must try for a place.
 */
export interface WaitingLine {
  /** Tries once if the queue is empty. */
  readonly tryNow: <Made>(attempt: Attempt<Made>) => Promise<Made | NoPlace>;
  /**
   * Waits in order of arrival. The first in the queue retries periodically and after each change.
   *
   * @param onQueued called each time with the rank, 1 for the next, and why there is no place
   * @throws the signal's reason, and what an attempt throws
   */
  readonly wait: <Made>(
    attempt: Attempt<Made>,
    signal: AbortSignal,
    onQueued: (rank: number, why: string) => void,
  ) => Promise<Made>;
  /** Notifies the queue that a place may be free. */
  readonly changed: () => void;
}

/**
 * The pause between attempts. Shorter than the second for which quotas are cached, so that a free place is seen soon
 * after.
 */
const pauseMilliseconds = 250;

/**
 * Creates an empty queue.
 *
 * @param onLength called with the number of waiters whenever it changes
 */
export function createWaitingLine(onLength: (waiting: number) => void): WaitingLine {
  const line: { wake: () => void }[] = [];
  let why = "";
  const changed = (): void => {
    for (const { wake } of line) wake();
  };
  const tried = async <Made>(attempt: Attempt<Made>): Promise<Made | NoPlace> => {
    const answer = await attempt();
    if (isNoPlace(answer)) why = answer.noPlace;
    return answer;
  };
  return {
    changed,
    tryNow: async (attempt) => (line.length > 0 ? { noPlace: why } : tried(attempt)),
    wait: async (attempt, signal, onQueued) => {
      const place = { wake: () => {} };
      const onAbort = (): void => place.wake();
      signal.addEventListener("abort", onAbort, { once: true });
      onLength(line.push(place));
      try {
        for (;;) {
          signal.throwIfAborted();
          if (line[0] === place) {
            const answer = await tried(attempt);
            if (!isNoPlace(answer)) return answer;
            signal.throwIfAborted();
          }
          onQueued(line.indexOf(place) + 1, why);
          await new Promise<void>((resolve) => {
            const timer = setTimeout(resolve, pauseMilliseconds);
            place.wake = () => {
              clearTimeout(timer);
              resolve();
            };
          });
        }
      } finally {
        signal.removeEventListener("abort", onAbort);
        line.splice(line.indexOf(place), 1);
        onLength(line.length);
        changed();
      }
    },
  };
}

/** Whether an attempt returned no place. */
export const isNoPlace = (answer: unknown): answer is NoPlace =>
  typeof answer === "object" && answer !== null && "noPlace" in answer;

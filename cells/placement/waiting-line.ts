/** Why there is no place, in a phrase. */
export interface NoPlace {
  readonly noPlace: string;
}

/** Tries to have a place: gives what was made there, or says why there is none. */
type Attempt<Made> = () => Promise<Made | NoPlace>;

/** Those on this worker that wait for places which nobody gives back to it: whether there is one has to be tried. */
export interface WaitingLine {
  /** Tries once, where nobody waits. */
  readonly tryNow: <Made>(attempt: Attempt<Made>) => Promise<Made | NoPlace>;
  /**
   * Waits in the order of arrival; the first in the line tries again and again, and whenever something has changed.
   *
   * @param onQueued told each time what rank it has, 1 for the next, and why there is no place
   * @throws the signal's reason, and what an attempt throws
   */
  readonly wait: <Made>(
    attempt: Attempt<Made>,
    signal: AbortSignal,
    onQueued: (rank: number, why: string) => void,
  ) => Promise<Made>;
  /** There may be a place now. */
  readonly changed: () => void;
}

/** Short beside the second for which what quotas say counts: places are seen soon after that. */
const pauseMilliseconds = 250;

/**
 * Makes a line in which nobody waits.
 *
 * @param onLength told how many wait whenever that changes
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

/** Whether an attempt found no place. */
export const isNoPlace = (answer: unknown): answer is NoPlace =>
  typeof answer === "object" && answer !== null && "noPlace" in answer;

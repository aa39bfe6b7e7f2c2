import { setTimeout as wait } from "node:timers/promises";

/** Pauses between attempts. Each is longer than the one before, up to a bound. */
export interface Backoff {
  /** The length of the next pause, in milliseconds. */
  readonly next: () => number;
  /** Makes the next pause. Ends early when the signal is aborted; never rejects. */
  readonly pause: (signal?: AbortSignal) => Promise<void>;
  /** Starts again with the first pause. */
  readonly reset: () => void;
}

/** The lengths of the pauses, in milliseconds. */
export interface BackoffTimes {
  readonly first: number;
  readonly longest: number;
  /** How much longer each pause is than the one before. @default 2 */
  readonly factor?: number;
}

/** Creates a back-off that starts with the first pause. */
export function createBackoff({ first, longest, factor = 2 }: BackoffTimes): Backoff {
  let next = first;
  return {
    next: () => next,
    pause: async (signal) => {
      const milliseconds = next;
      next = Math.min(factor * next, longest);
      await wait(milliseconds, undefined, { signal }).catch(() => {});
    },
    reset: () => {
      next = first;
    },
  };
}

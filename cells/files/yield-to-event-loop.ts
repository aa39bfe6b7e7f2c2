import { setImmediate } from "node:timers/promises";

/** How long work of untrusted size may hold the event loop before it yields, in milliseconds. */
const sliceMilliseconds = 10;

/** Splits long work into slices. */
export interface Pace {
  /** Whether the current slice has used its time. Cheap enough to call in a loop. */
  readonly isDue: () => boolean;
  /** Yields the event loop and starts the next slice. */
  readonly rest: () => Promise<void>;
}

/** Starts the first slice. */
export function createPace(): Pace {
  let begin = performance.now();
  return {
    isDue: () => performance.now() - begin >= sliceMilliseconds,
    rest: async () => {
      await setImmediate();
      begin = performance.now();
    },
  };
}

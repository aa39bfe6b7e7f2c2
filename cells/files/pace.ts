import { setImmediate } from "node:timers/promises";

/** How long work of others' choosing may keep the event loop before it is given to others, in milliseconds. */
const sliceMilliseconds = 10;

/** Cuts long work into pieces. */
export interface Pace {
  /** Whether the present piece has taken long enough. Cheap enough to be asked in a loop. */
  readonly isDue: () => boolean;
  /** Gives the event loop to others, and begins the next piece. */
  readonly rest: () => Promise<void>;
}

/** Begins work that is cut into pieces. */
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

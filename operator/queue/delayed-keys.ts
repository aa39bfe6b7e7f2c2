/** Keys that are due at a time, and the back-off of those that failed. */
export interface DelayedKeys {
  /** Makes a key due after a time, in milliseconds, instead of an earlier time that was set for it. */
  readonly after: (key: string, milliseconds: number) => void;
  /** Makes a failed key due after its back-off. Returns the back-off in milliseconds. */
  readonly failed: (key: string) => number;
  /** Ends the back-off of a key. */
  readonly succeeded: (key: string) => void;
  /** Takes back the time that was set for a key. */
  readonly cancel: (key: string) => void;
  readonly clear: () => void;
}

/** @param due called with each key at its time */
export function createDelayedKeys(
  { firstPause, longestPause }: { firstPause: number; longestPause: number },
  due: (key: string) => void,
): DelayedKeys {
  const failures = new Map<string, number>();
  const timers = new Map<string, NodeJS.Timeout>();
  const cancel = (key: string): void => {
    clearTimeout(timers.get(key));
    timers.delete(key);
  };
  const after = (key: string, milliseconds: number): void => {
    cancel(key);
    const timer = setTimeout(() => {
      timers.delete(key);
      due(key);
    }, milliseconds);
    timers.set(key, timer);
  };
  return {
    after,
    failed: (key) => {
      const count = failures.get(key) ?? 0;
      failures.set(key, count + 1);
      const pause = Math.min(firstPause * 2 ** count, longestPause);
      after(key, pause);
      return pause;
    },
    succeeded: (key) => void failures.delete(key),
    cancel,
    clear: () => {
      for (const key of [...timers.keys()]) cancel(key);
    },
  };
}

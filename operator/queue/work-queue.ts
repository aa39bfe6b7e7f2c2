/**
 * A queue of keys to process: deduplicated, with retries, in two priorities.
 *
 * @module
 */

import { createDelayedKeys } from "./delayed-keys.ts";
import { createWaitingLines, type Priority } from "./waiting-lines.ts";

/** What follows after a key was processed. */
export interface Processed {
  /** Processes the key again after this time, in milliseconds, with low priority. @default not before it is added */
  readonly again?: number | undefined;
}

/** The settings of a queue. */
export interface WorkQueueOptions {
  /**
   * Processes a key. Never called for a key that is being processed. If it rejects, the key is processed again after a
   * back-off.
   *
   * @param signal aborted if the queue is closed and does not wait any longer
   */
  readonly process: (key: string, signal: AbortSignal) => Promise<Processed>;
  /** Keys processed at once. @default 4 */
  readonly concurrency?: number;
  /** The back-off after a key's first failure; it doubles with each further one. In milliseconds. @default 100 */
  readonly firstPause?: number;
  /** In milliseconds. @default 300000 */
  readonly longestPause?: number;
  /** Called with each failure, and the back-off in milliseconds. */
  readonly onFailure?: (key: string, error: unknown, pause: number) => void;
}

/** The state of a queue, for its metrics. */
export interface QueueState {
  /** Keys that wait to be processed, without those that wait for a time. */
  readonly depth: number;
  /** How long the oldest of them has waited, in seconds. 0 if none waits. */
  readonly age: number;
  /** Keys that are being processed. */
  readonly active: number;
}

/** A queue of keys. */
export interface WorkQueue {
  /**
   * Adds a key. A key that waits already is not added again, and takes the higher of the two priorities. A key that is
   * being processed is processed once more afterwards.
   */
  readonly add: (key: string, priority: Priority) => void;
  readonly state: () => QueueState;
  /** Forgets the failures of a key, and the time at which it was to be processed again. */
  readonly forget: (key: string) => void;
  /** Resolves when nothing waits and nothing is processed. Keys that wait for a time do not count. */
  readonly idle: () => Promise<void>;
  /**
   * Takes no more keys, and waits for those that are being processed, this long at most. Then their signal is aborted.
   */
  readonly close: (milliseconds: number) => Promise<void>;
}

/** Creates a queue. It processes keys as they are added. */
export function createWorkQueue(options: WorkQueueOptions): WorkQueue {
  const { process, concurrency = 4, firstPause = 100, longestPause = 300_000, onFailure } = options;
  const lines = createWaitingLines();
  const delayed = createDelayedKeys({ firstPause, longestPause }, (key) => add(key, "low"));
  const active = new Set<string>();
  /** Keys that were added while they were being processed. */
  const dirty = new Map<string, Priority>();
  const closing = new AbortController();
  let closed = false;
  let waiters: (() => void)[] = [];

  const tellIdle = (): void => {
    if (active.size > 0 || lines.depth() > 0) return;
    for (const resolve of waiters) resolve();
    waiters = [];
  };
  const processOne = async (key: string): Promise<void> => {
    active.add(key);
    delayed.cancel(key);
    try {
      const { again } = await process(key, closing.signal);
      delayed.succeeded(key);
      if (again !== undefined && !closed) delayed.after(key, again);
    } catch (error) {
      if (!closed) onFailure?.(key, error, delayed.failed(key));
    }
    active.delete(key);
    const priority = dirty.get(key);
    dirty.delete(key);
    if (priority !== undefined) add(key, priority);
    pump();
    tellIdle();
  };
  const pump = (): void => {
    while (!closed && active.size < concurrency) {
      const key = lines.next();
      if (key === undefined) return;
      void processOne(key);
    }
  };
  const add = (key: string, priority: Priority): void => {
    if (closed) return;
    if (active.has(key)) {
      dirty.set(key, priority === "high" ? "high" : (dirty.get(key) ?? "low"));
      return;
    }
    lines.add(key, priority);
    pump();
  };
  const idle = (): Promise<void> =>
    new Promise((resolve) => {
      waiters.push(resolve);
      tellIdle();
    });
  const close = async (milliseconds: number): Promise<void> => {
    closed = true;
    lines.clear();
    dirty.clear();
    delayed.clear();
    const patience = setTimeout(() => closing.abort(), milliseconds);
    await idle();
    clearTimeout(patience);
  };

  return {
    add,
    state: () => ({ depth: lines.depth(), age: lines.age(), active: active.size }),
    forget: (key) => {
      delayed.succeeded(key);
      delayed.cancel(key);
    },
    idle,
    close,
  };
}

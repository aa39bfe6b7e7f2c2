import { setTimeout as wait } from "node:timers/promises";
import type { Logger } from "./logging.ts";

/** How long one step of an end may take: killing, collecting or closing takes a second where nothing is wrong. */
export const stepMilliseconds = 10_000;

/**
 * Waits for something to end, however it does, but no longer than its time; what comes after it must not be kept waiting. Never
 * rejects: what went wrong, or is late, is logged under the step's name.
 *
 * @returns whether it has ended in order
 */
export async function settled(
  step: string,
  ended: Promise<unknown>,
  log: Pick<Logger, "error">,
  milliseconds: number = stepMilliseconds,
): Promise<boolean> {
  const over = new AbortController();
  const late = wait(milliseconds, false, { signal: over.signal }).catch(() => false);
  try {
    const inTime = await Promise.race([ended.then(() => true), late]);
    if (!inTime)
      log.error({ step, milliseconds }, "a step of the worker's end takes longer than it may, and is left alone");
    return inTime;
  } catch (error) {
    log.error({ step, error: String(error) }, "a step of the worker's end failed");
    return false;
  } finally {
    over.abort();
  }
}

/** What a worker has opened, closed in the opposite order. */
export interface Opened {
  readonly add: (step: string, close: () => Promise<unknown>, milliseconds?: number) => void;
  /** Closes everything, whatever becomes of each. Never rejects. */
  readonly close: () => Promise<void>;
}

/** Collects what is to be closed. */
export function createOpened(log: Pick<Logger, "error">): Opened {
  const steps: (() => Promise<unknown>)[] = [];
  return {
    add: (step, close, milliseconds) =>
      void steps.push(() => settled(step, Promise.resolve().then(close), log, milliseconds)),
    close: async () => {
      for (const step of steps.splice(0).reverse()) await step();
    },
  };
}

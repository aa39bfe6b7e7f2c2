import { setTimeout as wait } from "node:timers/promises";
import type { Logger } from "#platform/host/logger";

/**
 * How long one step of a shutdown may take, in milliseconds. Killing, collecting or closing normally takes a second.
 */
export const stepMilliseconds = 10_000;

/**
 * Waits for a step to settle, but no longer than its time, so that it does not block the next ones. Never rejects:
 * failures and timeouts are logged under the step's name.
 *
 * @returns whether it succeeded in time
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
    if (!inTime) log.error({ step, milliseconds }, "a shutdown step exceeded its time limit and is abandoned");
    return inTime;
  } catch (error) {
    log.error({ step, error: String(error) }, "a shutdown step failed");
    return false;
  } finally {
    over.abort();
  }
}

/** The resources that a worker has opened. They are closed in reverse order. */
export interface Opened {
  readonly add: (step: string, close: () => Promise<unknown>, milliseconds?: number) => void;
  /** Closes everything, even after failures. Never rejects. */
  readonly close: () => Promise<void>;
}

/** Collects the resources to close. */
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

import { formatDuration } from "#core/text/duration";

/**
 * Beyond the deadline: so long a wait may still take to fail by itself, because its passing cut off what it waits for. In
 * milliseconds.
 */
const longestGrace = 5000;

/** The time between the end of the code and its outcome. Every wait within it is bounded by it. */
export interface CollectionDeadline {
  /** The code has ended or is being ended: the time counts from the first call on. */
  readonly begin: () => void;
  /** Waits for work. Rejects a little after the deadline where the work has not settled by then; what it does later is dropped. */
  readonly bound: <Value>(work: Promise<Value>) => Promise<Value>;
  /** The outcome is there: nothing is waited for any more. */
  readonly close: () => void;
}

/**
 * Makes the deadline of one cell.
 *
 * @param milliseconds from the end of the code to the deadline
 * @param onPassed called once when it passes: it ends whatever still waits
 */
export function collectionDeadline(milliseconds: number, onPassed: (error: Error) => void): CollectionDeadline {
  const overdue = Promise.withResolvers<never>();
  // Most cells never wait for it.
  overdue.promise.catch(() => {});
  let timer: NodeJS.Timeout | undefined;
  const passed = (): void => {
    const error = new Error(
      `collecting and storing took longer than ${formatDuration(milliseconds)} after the code's end`,
    );
    onPassed(error);
    timer = setTimeout(() => overdue.reject(error), Math.min(longestGrace, milliseconds));
  };
  return {
    begin: () => {
      timer ??= setTimeout(passed, milliseconds);
    },
    bound: (work) => Promise.race([work, overdue.promise]),
    close: () => clearTimeout(timer),
  };
}

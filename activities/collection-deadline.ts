import { formatDuration } from "#core/text/duration";

/**
 * The grace period after the deadline, in milliseconds. `onPassed` aborts the pending work, which may then still settle
 * with an error of its own.
 */
const longestGrace = 5000;

/** The deadline for collecting and storing the output after the code has ended. */
export interface CollectionDeadline {
  /** Starts the timer: the code has ended or is being ended. Later calls have no effect. */
  readonly begin: () => void;
  /**
   * Waits for work. Rejects a grace period after the deadline if the work has not settled by then. Its later result is
   * dropped.
   */
  readonly bound: <Value>(work: Promise<Value>) => Promise<Value>;
  /** Clears the timer, once the outcome is known. */
  readonly close: () => void;
}

/**
 * Creates the deadline of one cell.
 *
 * @param milliseconds from the end of the code to the deadline
 * @param onPassed called once when the deadline passes, to abort the pending work
 */
export function collectionDeadline(milliseconds: number, onPassed: (error: Error) => void): CollectionDeadline {
  const overdue = Promise.withResolvers<never>();
  // Prevents an unhandled rejection if nothing waits for it.
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

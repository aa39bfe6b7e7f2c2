import type { ProgramContext, StopReason } from "#cells/provider";
import { ranTooLong } from "#cells/ran-too-long";
import { formatDuration } from "#core/text/duration";

/**
 * The grace period after the deadline, in milliseconds. `onPassed` aborts the pending work, which may then still settle
 * with an error of its own.
 */
const longestGrace = 5000;

/** Why a program is stopped before it exits by itself. */
export interface Stop {
  readonly reason: StopReason;
  /** One sentence for people. */
  readonly detail: string;
}

/** The deadline for collecting and storing the output after the code has ended. */
interface CollectionDeadline {
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
function collectionDeadline(milliseconds: number, onPassed: (error: Error) => void): CollectionDeadline {
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

/** The time limits of a program, each in milliseconds. */
export interface ProgramTimes {
  /** From now until the program starts. */
  readonly startup: number;
  /** From the start of the program to its end. */
  readonly run: number;
  /** From the end of the program until its output is collected and stored. */
  readonly collection: number;
}

/** Watches the time limits of a program, and holds why it was stopped. */
export interface ProgramLimits {
  /** What the provider is told, and what it reports. */
  readonly context: Pick<ProgramContext, "stop" | "abandoned" | "started" | "ended">;
  /** Stops the program. Only the first call has an effect. */
  readonly stop: (reason: StopReason, detail: string) => void;
  /** Why the program was stopped; null if it was not. */
  readonly stopped: () => Stop | null;
  /** When the program started; null if it did not. */
  readonly startedAt: () => Date | null;
  readonly deadline: CollectionDeadline;
}

/**
 * Starts to watch a program that is about to be started.
 *
 * @param onAbandoned called once when the time for collecting its output passes, to abort the pending writes
 */
export function watchProgram(times: ProgramTimes, onAbandoned: (error: Error) => void): ProgramLimits {
  const stopping = new AbortController();
  const abandoned = new AbortController();
  let stopped: Stop | null = null;
  let startedAt: Date | null = null;
  const deadline = collectionDeadline(times.collection, (error) => {
    stop("collection-timeout", error.message);
    abandoned.abort(error);
    onAbandoned(error);
  });
  const stop = (reason: StopReason, detail: string): void => {
    if (stopped) return;
    stopped = { reason, detail };
    deadline.begin();
    stopping.abort(reason);
  };
  let clock = setTimeout(
    () => stop("startup-timeout", `the cell did not start within ${formatDuration(times.startup)}`),
    times.startup,
  );
  const started = (at: Date = new Date()): void => {
    startedAt = at;
    clearTimeout(clock);
    clock = setTimeout(
      () => stop("timed-out", ranTooLong(times.run)),
      Math.max(0, at.getTime() + times.run - Date.now()),
    );
  };
  const ended = (): void => {
    clearTimeout(clock);
    deadline.begin();
  };
  return {
    context: { stop: stopping.signal, abandoned: abandoned.signal, started, ended },
    stop,
    stopped: () => stopped,
    startedAt: () => startedAt,
    deadline,
  };
}

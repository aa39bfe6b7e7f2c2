import { TimeoutType } from "@temporalio/common";
import {
  ActivityFailure,
  ApplicationFailure,
  isCancellation,
  log,
  patched,
  sleep,
  TimeoutFailure,
} from "@temporalio/workflow";
import type { Elsewhere, NoPlaceNow, ProvisionedCell } from "#activities/contract";
import { endsExecution, type Place } from "./phases.ts";

/** The number of failures after which the run fails, even if they are retryable. */
const maximumTries = 5;
/** The number of activity timeouts (each takes at least ten seconds) and hand-overs after which the run is lost. */
const maximumSilences = 50;

/** The end of executing code in a cell. */
export type CellEnd<Output> =
  /** `again`: an earlier attempt has begun, and failed. */
  | { readonly output: Output; readonly again: boolean }
  /** The code may have run, and its end is not known. */
  | { readonly unknown: "cancelled" | "lost"; readonly hostAnswers: boolean }
  /** No worker answers on the host's queue, and the code was certainly not started. */
  | { readonly notStarted: true }
  /**
   * The cluster had no room for the cell's pod: which limit is reached, in a phrase. The start is uncertain if an
   * earlier attempt failed: its pod may be gone by now.
   */
  | { readonly noRoom: string; readonly certainlyNotStarted: boolean }
  | FailedInCell;

/** The last attempt failed. That attempt has not started the code; what earlier ones did is in the other fields. */
export interface FailedInCell {
  /** What the activity threw. */
  readonly failed: unknown;
  /** An earlier attempt has begun, and failed: the code may have been started. */
  readonly again: boolean;
  /** An earlier attempt was not heard of to its end: its worker went away, or handed the cell over. */
  readonly unheard: boolean;
}

const timeOutOf = (error: unknown): TimeoutType | undefined =>
  error instanceof ActivityFailure && error.cause instanceof TimeoutFailure ? error.cause.timeoutType : undefined;

/** The failure that the activity itself reported; undefined for timeouts. */
const failureOf = (error: unknown): ApplicationFailure | undefined =>
  error instanceof ActivityFailure && error.cause instanceof ApplicationFailure ? error.cause : undefined;

/** Whether a failure is retryable, by its kind. On Kubernetes a failed start is final: the Job has backoffLimit 0. */
function mayPass(error: unknown, cell: ProvisionedCell): boolean {
  const failure = failureOf(error);
  if (failure === undefined || failure.nonRetryable) return false;
  // Patched, because with workers of 0.1.0, which set `nonRetryable` for each kind themselves, a run could continue
  // after such a kind.
  if (endsExecution(failure.type) && patched("execute-final-kinds")) return false;
  return failure.type !== "cell-start" || cell.taskQueue !== null;
}

/** Where a cell was found, which later programs of the cell need not find out again. */
export interface Whereabouts {
  place: Place;
}

/**
 * Runs the code in its cell. Retries after the loss of a worker or a connection.
 *
 * Once a worker has begun an attempt, the code may have been started, even if the attempt failed. If the host does not
 * answer after that, the outcome is unknown, and the code is never started elsewhere.
 *
 * @param attempt schedules one attempt at a place
 * @param where where the first attempt is made
 * @throws CancelledFailure before an attempt has begun
 */
export async function executeInCell<Output extends object>(
  cell: ProvisionedCell,
  attempt: (place: Place) => Promise<Output | Elsewhere | NoPlaceNow>,
  where: Whereabouts = { place: "here" },
): Promise<CellEnd<Output>> {
  let begun = false;
  let tries = 0;
  let silences = 0;
  for (;;) {
    try {
      const answer = await attempt(where.place);
      if ("full" in answer) return { noRoom: answer.cluster ?? "", certainlyNotStarted: !begun };
      if (!("elsewhere" in answer)) return { output: answer, again: begun };
      where.place = "host";
    } catch (error) {
      where.place = "host";
      const timeOut = timeOutOf(error);
      if (isCancellation(error)) {
        if (!begun) throw error;
        return { unknown: "cancelled", hostAnswers: true };
      }
      if (timeOut === TimeoutType.SCHEDULE_TO_START) {
        return begun ? { unknown: "lost", hostAnswers: false } : { notStarted: true };
      }
      const again = begun;
      begun = true;
      log.warn("execute is scheduled again", { cellId: cell.cellId, error: String(error) });
      if (timeOut !== undefined || failureOf(error)?.type === "cell-handed-over") {
        silences += 1;
        if (silences >= maximumSilences) return { unknown: "lost", hostAnswers: true };
      } else {
        tries += 1;
        if (!mayPass(error, cell) || tries >= maximumTries) return { failed: error, again, unheard: silences > 0 };
        await sleep(200 * 2 ** tries, { summary: `wait before another try of ${cell.cellId}` });
      }
    }
  }
}

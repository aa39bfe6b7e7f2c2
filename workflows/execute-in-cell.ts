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
import type { CellInput, ExecuteOutput, ProvisionedCell } from "#activities/contract";
import { endsExecution, executing, type Place } from "./phases.ts";

/** How often a failure that may pass is met before it is the run's. */
const maximumTries = 5;
/** How often a worker may fall silent (each time ten seconds at least), or hand the cell over, before nobody asks for the code any more. */
const maximumSilences = 50;

/** What became of a cell. */
export type CellEnd =
  | { readonly output: ExecuteOutput }
  /** The code may have run, and nobody can tell how it ended. */
  | { readonly unknown: "cancelled" | "lost"; readonly hostAnswers: boolean }
  /** The host went away, and the code was certainly not started. */
  | { readonly notStarted: true }
  /** The cluster had no room for its pod after all: what is full, in a phrase. An earlier attempt may have seen a pod that is gone by now. */
  | { readonly noRoom: string; readonly certainlyNotStarted: boolean };

const timeOutOf = (error: unknown): TimeoutType | undefined =>
  error instanceof ActivityFailure && error.cause instanceof TimeoutFailure ? error.cause.timeoutType : undefined;

/** What the activity failed with, if it said so itself. */
const failureOf = (error: unknown): ApplicationFailure | undefined =>
  error instanceof ActivityFailure && error.cause instanceof ApplicationFailure ? error.cause : undefined;

/** Whether it was a failure that may pass, by the rule of its kind. A cell of a cluster that did not start never will. */
function mayPass(error: unknown, cell: ProvisionedCell): boolean {
  const failure = failureOf(error);
  if (failure === undefined || failure.nonRetryable) return false;
  // Workers of 0.1.0 said of each kind whether it is final, and their runs may have gone on after a kind that ends the phase today.
  if (endsExecution(failure.type) && patched("execute-final-kinds")) return false;
  return failure.type !== "cell-start" || cell.taskQueue !== null;
}

/**
 * Has the code run in its cell, through deaths of the worker and of connections.
 *
 * Once a worker has begun, the code may have been started, whatever became of that worker and whatever it said. From then
 * on a host that does not answer means that nobody can tell, and never a start elsewhere.
 */
export async function executeInCell(cell: ProvisionedCell, input: CellInput): Promise<CellEnd> {
  let begun = false;
  let place: Place = "here";
  let tries = 0;
  let silences = 0;
  for (;;) {
    try {
      const answer = await executing(cell, place).execute(input);
      if ("full" in answer) return { noRoom: answer.cluster ?? "", certainlyNotStarted: !begun };
      if (!("elsewhere" in answer)) return { output: answer };
      place = "host";
    } catch (error) {
      place = "host";
      const timeOut = timeOutOf(error);
      if (isCancellation(error)) {
        if (!begun) throw error;
        return { unknown: "cancelled", hostAnswers: true };
      }
      if (timeOut === TimeoutType.SCHEDULE_TO_START) {
        return begun ? { unknown: "lost", hostAnswers: false } : { notStarted: true };
      }
      begun = true;
      log.warn("execute is scheduled again", { cellId: cell.cellId, error: String(error) });
      if (timeOut !== undefined || failureOf(error)?.type === "cell-handed-over") {
        silences += 1;
        if (silences >= maximumSilences) return { unknown: "lost", hostAnswers: true };
      } else {
        tries += 1;
        if (!mayPass(error, cell) || tries >= maximumTries) throw error;
        await sleep(200 * 2 ** tries, { summary: `wait before another try of ${cell.cellId}` });
      }
    }
  }
}

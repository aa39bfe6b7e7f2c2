import { TimeoutType } from "@temporalio/common";
import { ActivityFailure, ApplicationFailure, log, sleep, TimeoutFailure } from "@temporalio/workflow";
import type { CellInput, ExecuteOutput, ProvisionedCell } from "../activities/contract.ts";
import { executing, type Place } from "./phases.ts";

/** How often `execute` is scheduled for one cell. Later ones find the code running, or say that it is lost. */
const maximumRounds = 5;

/** What became of a cell: the code's outcome, or a host that does not answer, before or after the code may have started. */
export type CellEnd = { readonly output: ExecuteOutput } | { readonly hostGone: "before" | "after" };

const timeOutOf = (error: unknown): TimeoutType | undefined =>
  error instanceof ActivityFailure && error.cause instanceof TimeoutFailure ? error.cause.timeoutType : undefined;

/** Whether it was a failure that may pass, by the rule of its kind: then the code was certainly not started. */
const mayPass = (error: unknown): boolean =>
  error instanceof ActivityFailure && error.cause instanceof ApplicationFailure && !error.cause.nonRetryable;

/**
 * Has the code run in its cell, through deaths of the worker and of connections.
 *
 * A task whose worker fell silent may have started the code, whatever became of that worker. So once there was one, a host
 * that does not answer means `after`, and never a start elsewhere.
 */
export async function executeInCell(cell: ProvisionedCell, input: CellInput): Promise<CellEnd> {
  let taken = false;
  let place: Place = "here";
  for (let round = 1; ; round += 1) {
    try {
      const answer = await executing(cell, place).execute(input);
      if (!("elsewhere" in answer)) return { output: answer };
      place = "host";
    } catch (error) {
      place = "host";
      const timeOut = timeOutOf(error);
      if (timeOut === TimeoutType.SCHEDULE_TO_START) return { hostGone: taken ? "after" : "before" };
      taken ||= timeOut !== undefined;
      if (round >= maximumRounds || (timeOut === undefined && !mayPass(error))) throw error;
      log.warn("execute is scheduled again", { cellId: cell.cellId, round, error: String(error) });
      if (timeOut === undefined)
        await sleep(200 * 2 ** round, { summary: `wait before another try of ${cell.cellId}` });
    }
  }
}

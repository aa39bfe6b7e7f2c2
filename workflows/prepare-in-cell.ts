import { TimeoutType } from "@temporalio/common";
import { ActivityFailure, TimeoutFailure } from "@temporalio/workflow";
import type { CellInput, ProvisionedCell } from "#activities/contract";
import type { Environment } from "#core/packages/environment";
import type { CellEnd } from "./execute-in-cell.ts";
import { type Place, preparing } from "./phases.ts";

/** A run's packages, or why its code cannot be started in this cell. */
export type Preparation =
  | { readonly environment: Environment }
  | Extract<CellEnd<never>, { notStarted: true } | { noRoom: string }>;

const isUntaken = (error: unknown): boolean =>
  error instanceof ActivityFailure &&
  error.cause instanceof TimeoutFailure &&
  error.cause.timeoutType === TimeoutType.SCHEDULE_TO_START;

/**
 * Installs the packages of a run for its cell. No code of the run was started, so whatever goes wrong, it may be
 * provisioned again.
 */
export async function prepareInCell(cell: ProvisionedCell, input: CellInput): Promise<Preparation> {
  let place: Place = "here";
  for (;;) {
    try {
      const answer = await preparing(cell, place).prepareEnvironment(input);
      if ("full" in answer) return { noRoom: answer.cluster ?? "", certainlyNotStarted: true };
      if (!("elsewhere" in answer)) return { environment: answer };
      place = "host";
    } catch (error) {
      // Also on the shared queue: the worker of the host is gone if no other one is left to say that it is elsewhere.
      if (isUntaken(error)) return { notStarted: true };
      throw error;
    }
  }
}

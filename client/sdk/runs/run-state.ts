import type { WorkflowExecutionStatusName } from "@temporalio/client";
import { searchAttributes } from "#core/contract/names";
import { type RunStatus, runStatuses } from "#core/contract/run-status";
import type { RunInfo } from "../temporal/run-service.ts";

/**
 * The state of a run: `running`, or the outcome of the code as in its result; `error` if it could not be carried out
 * and so has no result; `terminated` if its workflow was terminated.
 */
export type RunState = "running" | RunStatus | "error" | "terminated";

/** All states, in the order of help texts and completion. */
export const runStates: readonly RunState[] = ["running", ...runStatuses, "error", "terminated"];

const ends: Partial<Readonly<Record<WorkflowExecutionStatusName, RunState>>> = {
  RUNNING: "running",
  // Paused in the UI, but not closed.
  PAUSED: "running",
  CANCELLED: "cancelled",
  FAILED: "error",
  TIMED_OUT: "error",
  TERMINATED: "terminated",
};

const isRunStatus = (value: unknown): value is RunStatus => runStatuses.some((status) => status === value);

/** The state of a run from the list of runs; undefined if only the result has it. */
export function stateOf({ status, searchAttributes: attributes }: StateSource): RunState | undefined {
  const said = attributes[searchAttributes.status]?.[0];
  // A run that was cancelled before it had a cell has no status attribute.
  return ends[status] ?? (isRunStatus(said) ? said : undefined);
}

type StateSource = Pick<RunInfo, "status" | "searchAttributes">;

import type { WorkflowExecutionInfo, WorkflowExecutionStatusName } from "@temporalio/client";
import { searchAttributes } from "#core/contract/names";
import { type RunStatus, runStatuses } from "#core/contract/result";

/**
 * Where a run stands. `running`, or what became of the code, as its result says; `error` where it could not be carried out,
 * and so has no result; `terminated` where somebody ended the workflow from outside.
 */
export type RunState = "running" | RunStatus | "error" | "terminated";

/** All states, in the order in which people ask for them. */
export const runStates: readonly RunState[] = ["running", ...runStatuses, "error", "terminated"];

const ends: Partial<Readonly<Record<WorkflowExecutionStatusName, RunState>>> = {
  RUNNING: "running",
  // It is paused in the UI, and not over.
  PAUSED: "running",
  CANCELLED: "cancelled",
  FAILED: "error",
  TIMED_OUT: "error",
  TERMINATED: "terminated",
};

const isRunStatus = (value: unknown): value is RunStatus => runStatuses.some((status) => status === value);

/** The state of a run, as far as the list of runs tells it; undefined where only the result does. */
export function stateOf({ status, searchAttributes: attributes }: StateSource): RunState | undefined {
  const said = attributes[searchAttributes.status]?.[0];
  // A run that was cancelled before it had a cell never said how it ended.
  return ends[status.name] ?? (isRunStatus(said) ? said : undefined);
}

type StateSource = Pick<WorkflowExecutionInfo, "status" | "searchAttributes">;

import { executeCodeWorkflow, searchAttributes } from "#core/contract/names";
import { quoted } from "#platform/temporal/visibility-query";
import type { RunState } from "./run-state.ts";

/** Filters of a list of runs. */
export interface RunFilter {
  /** @default all */
  readonly status?: readonly RunState[] | undefined;
  /** A language's name, as in the result. */
  readonly language?: string | undefined;
  /** Labels that a run must all have. */
  readonly labels?: Readonly<Record<string, string>> | undefined;
  /** Only runs that were started at that time or later. */
  readonly since?: Date | undefined;
}

/** Query conditions on the states that Temporal itself knows. */
const executionStatus: Readonly<Record<Exclude<RunState, "cancelled">, string>> & { readonly cancelled: string } = {
  running: "ExecutionStatus = 'Running'",
  succeeded: "ExecutionStatus = 'Completed'",
  failed: "ExecutionStatus = 'Completed'",
  "timed-out": "ExecutionStatus = 'Completed'",
  "out-of-memory": "ExecutionStatus = 'Completed'",
  "output-limit": "ExecutionStatus = 'Completed'",
  lost: "ExecutionStatus = 'Completed'",
  cancelled: "(ExecutionStatus = 'Completed' OR ExecutionStatus = 'Canceled')",
  error: "(ExecutionStatus = 'Failed' OR ExecutionStatus = 'TimedOut')",
  terminated: "ExecutionStatus = 'Terminated'",
};

const either = (conditions: readonly string[]): string => `(${[...new Set(conditions)].join(" OR ")})`;

/** Include runs whose attribute is missing or outdated. They are described individually. */
const orUnknown = (name: string, ...values: string[]): string =>
  either([...values.map((value) => `${name} = ${quoted(value)}`), `${name} IS NULL`]);

function stateCondition(state: RunState, withAttributes: boolean): string {
  const condition = executionStatus[state];
  const isOfResult = condition === executionStatus.succeeded;
  return withAttributes && isOfResult
    ? `(${condition} AND ${orUnknown(searchAttributes.status, state, "running")})`
    : condition;
}

/**
 * A query that finds at least the runs of a filter. The caller filters by what a query cannot express.
 *
 * @param withAttributes whether the namespace has kgents' search attributes
 */
export function runQuery(taskQueue: string, filter: RunFilter, withAttributes: boolean): string {
  const { status, language, since } = filter;
  return [
    `WorkflowType = ${quoted(executeCodeWorkflow)}`,
    `TaskQueue = ${quoted(taskQueue)}`,
    ...(status === undefined ? [] : [either(status.map((state) => stateCondition(state, withAttributes)))]),
    ...(language === undefined || !withAttributes ? [] : [orUnknown(searchAttributes.language, language)]),
    ...(since === undefined ? [] : [`StartTime >= ${quoted(since.toISOString())}`]),
  ].join(" AND ");
}

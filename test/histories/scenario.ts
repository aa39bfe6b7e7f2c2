import type { WorkflowHandle } from "@temporalio/client";
import type { Activities, RolloutActivities } from "#activities/contract";

/** The activities of all workflows. */
export type RecordedActivities = Activities & RolloutActivities;

/** What an activity does on one call: returns, throws or waits. */
export type Step<Name extends keyof RecordedActivities> = (
  input: Parameters<RecordedActivities[Name]>[0],
  cellId: string,
) => ReturnType<RecordedActivities[Name]> | Awaited<ReturnType<RecordedActivities[Name]>>;

/** The activities of one recorded run, call by call. The last step is repeated. */
export type Script = { readonly [Name in keyof RecordedActivities]?: readonly Step<Name>[] };

/** What a scenario can wait for and do during its run. */
export interface Moment {
  readonly handle: WorkflowHandle;
  /** Resolves when an activity of the run starts for the given time (1, 2, ...). */
  readonly begun: (name: keyof RecordedActivities, call?: number) => Promise<void>;
  /** Resolves when the history has the given number of events of a type, such as `TIMER_STARTED`. */
  readonly recorded: (eventType: string, count?: number) => Promise<void>;
  /** Starts another workflow with an id, and waits until the server has recorded it. */
  readonly occupy: (workflowId: string) => Promise<void>;
}

/** One path through a workflow. Its name is both the workflow id and the file name. */
export interface Scenario {
  readonly workflow: "executeCode" | "executeBatch" | "reapCell" | "rollOutAgent" | "sweepCells";
  readonly args: readonly unknown[];
  readonly script?: Script;
  readonly before?: (moment: Pick<Moment, "occupy">) => Promise<void>;
  readonly act?: (moment: Moment) => Promise<void>;
  /** How the workflow closes. Checked against the server, so that a file contains the path of its name. */
  readonly closes?: "COMPLETED" | "FAILED" | "CANCELLED" | "CONTINUED_AS_NEW";
  /** Event types that the history must contain. */
  readonly has?: readonly string[];
  /** Which run of the workflow id to record. @default the first */
  readonly run?: "first" | "last";
  /** A trace header of the start request. */
  readonly traceparent?: string;
}

/** The scenarios of a workflow by their names. */
export type Scenarios = Readonly<Record<string, Scenario>>;

import type { WorkflowHandle } from "@temporalio/client";
import type { Activities } from "#activities/contract";

/** What an activity does on one call: answers, throws, or waits. */
export type Step<Name extends keyof Activities> = (
  input: Parameters<Activities[Name]>[0],
  cellId: string,
) => ReturnType<Activities[Name]> | Awaited<ReturnType<Activities[Name]>>;

/** What the activities of one recorded run do, call by call; the last step is repeated. */
export type Script = { readonly [Name in keyof Activities]?: readonly Step<Name>[] };

/** What a scenario can wait for and do while its run goes on. */
export interface Moment {
  readonly handle: WorkflowHandle;
  /** Resolves when an activity of the run begins for the how-manieth time (1, 2, ...). */
  readonly begun: (name: keyof Activities, call?: number) => Promise<void>;
  /** Resolves when the history has so many events of a type, such as `TIMER_STARTED`. */
  readonly recorded: (eventType: string, count?: number) => Promise<void>;
  /** Starts another workflow with an id, and waits until the server has it. */
  readonly occupy: (workflowId: string) => Promise<void>;
}

/** One path through a workflow. Its name is the workflow id, and the file's. */
export interface Scenario {
  readonly workflow: "executeCode" | "executeBatch" | "reapCell" | "sweepCells";
  readonly args: readonly unknown[];
  readonly script?: Script;
  readonly before?: (moment: Pick<Moment, "occupy">) => Promise<void>;
  readonly act?: (moment: Moment) => Promise<void>;
  /** How the workflow closes; compared with what the server says, so that a file holds the path that its name promises. */
  readonly closes?: "COMPLETED" | "FAILED" | "CANCELLED" | "CONTINUED_AS_NEW";
  /** Event types that the history must have. */
  readonly has?: readonly string[];
  /** Which run of the workflow id is recorded. @default the first */
  readonly run?: "first" | "last";
  /** A trace header that the start carries. */
  readonly traceparent?: string;
}

/** The scenarios of a workflow by their names. */
export type Scenarios = Readonly<Record<string, Scenario>>;

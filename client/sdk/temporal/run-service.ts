/**
 * What the client needs of a Temporal server to start, read and cancel runs. Implemented by gRPC, for all servers, and
 * by HTTP, for our own local one.
 *
 * @module
 */
import type { WorkflowExecutionStatusName } from "@temporalio/client";
import type { Priority } from "@temporalio/common";
import type { QueueState } from "#platform/temporal/queue-state";

/** A workflow execution. */
export interface RunReference {
  readonly workflowId: string;
  /** This execution only. @default the latest one */
  readonly runId?: string;
  /** The first execution of a chain. The result is awaited from it on, and no other chain is cancelled. */
  readonly firstRunId?: string;
}

/** A workflow to start. Its id must be new. */
export interface RunStart {
  readonly workflowType: string;
  readonly workflowId: string;
  readonly taskQueue: string;
  readonly input: unknown;
  readonly memo: Readonly<Record<string, unknown>>;
  readonly priority: Priority;
  readonly summary: string;
  readonly details?: string;
  /** A repeated call with this id starts nothing. By gRPC the SDK chooses one. @default a new one */
  readonly requestId?: string;
}

/** An entry in the list of workflows. */
export interface RunInfo {
  readonly workflowId: string;
  readonly runId: string;
  readonly type: string;
  readonly taskQueue: string;
  readonly status: WorkflowExecutionStatusName;
  readonly startTime: Date;
  readonly closeTime: Date | undefined;
  /** Values that cannot be decoded are null. */
  readonly memo: Readonly<Record<string, unknown>>;
  /** The values of each attribute. */
  readonly searchAttributes: Readonly<Record<string, readonly unknown[] | undefined>>;
}

/** An activity that has not ended. */
export interface PendingActivity {
  readonly type: string;
  readonly taskQueue: string | undefined;
  /** When its latest attempt started; undefined if none has. */
  readonly startedAt: Date | undefined;
  /** The first value of its latest heartbeat; null if it cannot be decoded. */
  readonly heartbeat: unknown;
}

/** A workflow with its pending activities. */
export interface RunDescription extends RunInfo {
  /** The id of the first execution of its chain. */
  readonly firstRunId: string;
  readonly pendingActivities: readonly PendingActivity[];
  /** The ids of the requests that started it. */
  readonly requestIds: readonly string[];
}

/** A completed activity of a workflow. */
export interface CompletedActivity {
  readonly completedAt: Date | undefined;
  /** Null if it cannot be decoded. */
  readonly result: unknown;
}

/** The calls. Every call has a deadline. They fail with errors that `problemOf` understands. */
export interface RunService {
  /** Starts a workflow. Fails with `already-started` if its id was used. */
  readonly start: (start: RunStart) => Promise<{ readonly runId: string }>;
  readonly describe: (run: RunReference) => Promise<RunDescription>;
  /** The workflows that a query finds: open ones first, then the latest closed ones. */
  readonly list: (query: string) => AsyncIterable<RunInfo>;
  /**
   * Waits for the result. Follows continuations, retries and crons. Null if it cannot be decoded. Fails with `failed`
   * if the workflow failed.
   */
  readonly result: (run: RunReference) => Promise<unknown>;
  readonly cancel: (run: RunReference) => Promise<void>;
  /** Queries a workflow. @param milliseconds how long a worker may take. @default 75,000 */
  readonly query: (run: RunReference, name: string, milliseconds?: number) => Promise<unknown>;
  /** The first argument of an execution; null if it cannot be decoded. */
  readonly input: (run: RunReference) => Promise<unknown>;
  /** The completed activities of a type, from the history. */
  readonly completed: (run: RunReference, activityType: string) => Promise<readonly CompletedActivity[]>;
  /** The server's version, and the workers of a task queue. */
  readonly queueState: (taskQueue: string, milliseconds: number) => Promise<QueueState>;
}

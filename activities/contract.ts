/**
 * What the workflow and the activities say to each other. It stands in histories, so fields are added, never changed.
 *
 * @module
 */

import type { RunAbout } from "#core/contract/about";
import type { BatchChunk, ResultLimits } from "#core/contract/batch";
import type { BackendName, FileResult, Isolation, RunStatus, StreamResult } from "#core/contract/result";

/** The input of `provision`. */
export interface ProvisionInput {
  /** The request as it came; checked here, because a workflow can be started from any SDK. */
  readonly request: unknown;
  /** The how-manieth start of the code this is for: 1, 2, ... */
  readonly attempt: number;
  /** Set on the second call, after the cluster was found unavailable. */
  readonly fallback?: { readonly from: BackendName; readonly reason: string };
  /** Whether to wait for a place; otherwise the answer may be {@link Full}. */
  readonly wait?: boolean;
  /** Temporal's id of the run's first execution: see {@link Restarted}. Histories of 0.1.0 have none, and then it is the one that asks. */
  readonly firstRunId?: string;
  /** Set where it is a place in the cluster that is waited for, and not one among the sandboxes. The other is answered by {@link Full}. */
  readonly inCluster?: boolean;
}

/** What a worker answers where there is no place for another cell now, or where its queue's starts are counted: nothing was done. */
export interface Full {
  readonly full: true;
  /** Where it is the cluster that has none: what is full, in a phrase. */
  readonly cluster?: string;
}

/**
 * What `provision` answers where a Reset has begun the run anew: an earlier execution of it may have started the code, and code is
 * started once. Nothing was done.
 */
export interface Restarted {
  readonly restarted: true;
  /** The cell that the earlier execution had, or would have had. */
  readonly cellId: string;
}

/** What `provision` heartbeats while its run waits for a place. */
export interface QueuedHeartbeat {
  readonly phase: "queued";
  /** Its rank among those that wait on this worker: 1 for the next. */
  readonly ahead: number;
  /** Where it waits for the cluster: what is full, in a phrase. */
  readonly cluster?: string;
}

/** The output of `provision`: a cell that is ready, and what the workflow needs to know of the request. */
export interface ProvisionedCell {
  readonly cellId: string;
  readonly backend: BackendName;
  /** Where later phases must run; null where any worker will do. */
  readonly taskQueue: string | null;
  readonly isolation: Isolation;
  readonly fallback: { readonly from: BackendName; readonly reason: string } | null;
  readonly language: string;
  readonly requester: string | null;
  /** The first line of the code, for people. */
  readonly title: string;
  readonly timeoutMilliseconds: number;
  readonly startupTimeoutMilliseconds: number;
  readonly maximumAttempts: number;
  /** How long what is left of a finished cell can be looked at. */
  readonly ttlMilliseconds: number;
  /** Whether the namespace has our search attributes: setting one that it has not would block the workflow for ever. */
  readonly searchAttributes: boolean;
}

/** The input of `salvage`. */
export interface SalvageInput {
  readonly attempt: number;
  readonly cellId: string;
  readonly limits?: ResultLimits;
  readonly firstRunId?: string;
}

/** The input of `execute` and, without the request, `cleanUp`. */
export interface CellInput {
  readonly request: unknown;
  readonly attempt: number;
  readonly cellId: string;
  readonly backend: BackendName;
  /** The queue of the host that holds the cell; null where any worker will do. */
  readonly taskQueue: string | null;
  /** What the result may carry; without them as much as a result holds. */
  readonly limits?: ResultLimits;
  /** As `provision` was given it. */
  readonly firstRunId?: string;
}

/** A request of a batch, with what a client gives a run beside its request. */
export interface BatchEntry {
  readonly request: unknown;
  readonly about: RunAbout;
  /** Null where the request is one that will be refused. */
  readonly hash: string | null;
  readonly summary: string;
}

/** The input of `cleanUp`. */
export interface CleanUpInput extends Omit<CellInput, "request" | "firstRunId"> {
  /** Who asked for the run: for log lines. */
  readonly requester?: string | null;
}

/** What a worker answers that was asked for a cell of another host: nothing was done. */
export interface Elsewhere {
  readonly elsewhere: true;
}

/** The output of `execute`. */
export interface ExecuteOutput {
  readonly status: RunStatus;
  readonly exitCode: number | null;
  readonly signal: string | null;
  readonly reason: string | null;
  readonly stdout: StreamResult;
  readonly stderr: StreamResult;
  readonly files: FileResult[];
  readonly filesOmitted: { name: string; reason: string }[];
  readonly notices?: string[];
  readonly isolation: Isolation | null;
  readonly startedAt: string | null;
  readonly finishedAt: string;
  readonly usage: { peakMemoryBytes: number | null; cpuSeconds: number | null };
}

/** One stream's newest output as `execute` heartbeats it. */
export interface LiveWindow {
  /** Absolute offset of the first byte. */
  readonly offset: number;
  readonly base64: string;
}

/** What `execute` heartbeats. */
export interface ExecuteHeartbeat {
  readonly phase: "executing";
  /** Which start of the code this is: 1, 2, ... */
  readonly attempt: number;
  /** Bytes so far. */
  readonly bytes: { readonly stdout: number; readonly stderr: number };
  /** Only where the request says `live: "heartbeat"`. */
  readonly live?: { readonly stdout?: LiveWindow; readonly stderr?: LiveWindow };
}

/** The input of the workflow `reapCell` and of its activities: a cell of a cluster whose output is in the result. */
export interface ReapInput {
  readonly cellId: string;
  readonly backend: BackendName;
  readonly ttlMilliseconds: number;
  /** Who asked for the run: for log lines. */
  readonly requester?: string | null;
  /**
   * The workflow that started this one as its child, as the server says; null where none did. Set by the workflow, whatever its own
   * input says. Histories of 0.1.0 have none.
   */
  readonly parent?: { readonly workflowId: string } | null;
}

/** The output of `sweepCells`. */
export interface SweepReport {
  /** How many cells were not finished. */
  readonly looked: number;
  /** The cells that were taken away, because their runs are over. */
  readonly removed: readonly string[];
  /** The cells that should have been, and whose removal failed; the next sweep tries again. */
  readonly resisted?: readonly string[];
  /** Why it did not look at all of them, if it did not. */
  readonly stopped: string | null;
}

/** The activities as the workflow calls them. */
export interface Activities {
  provision(input: ProvisionInput): Promise<ProvisionedCell | Full | Restarted>;
  /** {@link Full} where a quota kept the cell's pod from being created, and the code was certainly not started. */
  execute(input: CellInput): Promise<ExecuteOutput | Elsewhere | Full>;
  /** What is known of a run whose worker does not come back: the output that reached the store. */
  salvage(input: SalvageInput): Promise<ExecuteOutput>;
  cleanUp(input: CleanUpInput): Promise<Elsewhere | undefined>;
  /** Reads a chunk of a batch's requests. */
  readRequests(chunk: BatchChunk): Promise<BatchEntry[]>;
  /** Lets the supervisor of a finished cell end. */
  releaseCell(input: ReapInput): Promise<void>;
  /** Takes away what is left of a finished cell, and confirms that nothing is. */
  removeCell(input: ReapInput): Promise<void>;
  /** Takes away the cells of this instance whose runs are over although no clean-up came. */
  sweepCells(): Promise<SweepReport>;
}

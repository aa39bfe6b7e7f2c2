/**
 * The inputs and outputs of the activities. They are stored in histories, so fields may be added, but never changed.
 *
 * @module
 */

import type { Rollout, RolloutEnd } from "#core/agents/rollout";
import type { RunAbout } from "#core/contract/about";
import type { BatchChunk, ResultLimits } from "#core/contract/batch";
import type { BackendName, ExecutionResult, FileResult, Isolation, StreamResult } from "#core/contract/result";
import type { RunStatus } from "#core/contract/run-status";
import type { Environment } from "#core/packages/environment";
import type { KernelOutput, SessionCell, SessionStart } from "./session-parts.ts";

/** The input of `provision`. */
export interface ProvisionInput {
  /** The raw request. The activity validates it, because any SDK can start the workflow. */
  readonly request: unknown;
  /** The start attempt of the code that the cell is for, from 1. */
  readonly attempt: number;
  /** Set on the second call, after the cluster was unavailable. */
  readonly fallback?: { readonly from: BackendName; readonly reason: string };
  /** Whether to wait for a free slot. If not set, the result may be {@link NoPlaceNow}. */
  readonly wait?: boolean;
  /**
   * The run id of the first execution: see {@link Restarted}. Absent in histories of 0.1.0; the default is the current
   * execution.
   */
  readonly firstRunId?: string;
  /**
   * Whether the wait is for a place in the cluster rather than for a sandbox slot. If the other is needed,
   * {@link NoPlaceNow} is returned.
   */
  readonly inCluster?: boolean;
  /** Set if the request is a session. Its `attempt` is the number of the cell within the session, from 1. */
  readonly session?: SessionStart;
}

/**
 * Returned if there is no place for another cell now, or if starts are rate-limited by the waiting queue. Nothing was
 * done.
 */
export interface NoPlaceNow {
  readonly full: true;
  /** Set if the cluster has no place: which limit is reached, in a phrase. */
  readonly cluster?: string;
}

/**
 * Returned by `provision` after a Reset of the run: an earlier execution may have started the code, and code must not
 * be started twice. Nothing was done.
 */
export interface Restarted {
  readonly restarted: true;
  /** The cell id of the earlier execution. The cell may not exist. */
  readonly cellId: string;
}

/** The heartbeat details of `provision` while the run waits for a free slot. */
export interface QueuedHeartbeat {
  readonly phase: "queued";
  /** The position in this worker's queue, from 1. */
  readonly ahead: number;
  /** Set if it waits for the cluster: which limit is reached, in a phrase. */
  readonly cluster?: string;
}

/** The output of `provision`: a cell that is ready, and the fields of the request that the workflow needs. */
export interface ProvisionedCell {
  readonly cellId: string;
  readonly backend: BackendName;
  /** The task queue of later phases; null if any worker can run them. */
  readonly taskQueue: string | null;
  readonly isolation: Isolation;
  readonly fallback: { readonly from: BackendName; readonly reason: string } | null;
  readonly language: string;
  readonly requester: string | null;
  /** The first line of the code, for display. */
  readonly title: string;
  readonly timeoutMilliseconds: number;
  readonly startupTimeoutMilliseconds: number;
  readonly maximumAttempts: number;
  /** How long the finished Job is kept. */
  readonly ttlMilliseconds: number;
  /**
   * Whether the namespace has the search attributes of kgents. Setting a missing one would block the workflow forever.
   */
  readonly searchAttributes: boolean;
  /** Set if the run asks for packages: what it asks for, for display. `prepareEnvironment` then comes before `execute`. */
  readonly packages?: string;
  /** The packages of a session's cell. The workflow adds it. */
  readonly environment?: ExecutionResult["environment"];
  /** Set for a session. */
  readonly session?: SessionCell;
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
  /** The queue of the host that holds the cell; null if any worker can take the task. */
  readonly taskQueue: string | null;
  /** The limits of the result. @default the maxima of a result */
  readonly limits?: ResultLimits;
  /** The same as in {@link ProvisionInput}. */
  readonly firstRunId?: string;
  /** Set in the input of `prepareEnvironment` for the cell of a session: `request` is the session then. */
  readonly session?: ProvisionInput["session"];
  /** The output of `prepareEnvironment`, in the input of `execute`; missing if the run asks for no packages. */
  readonly environment?: Pick<Environment, "ecosystem" | "hash">;
}

/** A request of a batch, with the memo fields and the summary that a client sets on a run. */
export interface BatchEntry {
  readonly request: unknown;
  readonly about: RunAbout;
  /** Null if the request is invalid. Its run will refuse it. */
  readonly hash: string | null;
  readonly summary: string;
}

/** The input of `cleanUp`. */
export interface CleanUpInput extends Omit<CellInput, "request" | "firstRunId" | "environment" | "session"> {
  /** The requester of the run, for log lines. */
  readonly requester?: string | null;
}

/** Returned by a worker if the cell is on another host. Nothing was done. */
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
  /** What the kernel says; only for a call of a session. */
  readonly kernel?: KernelOutput;
}

/** The newest output of one stream, in the heartbeat details of `execute`. */
export interface LiveWindow {
  /** The offset of the first byte within the whole stream. */
  readonly offset: number;
  readonly base64: string;
}

/** The heartbeat details of `execute`. */
export interface ExecuteHeartbeat {
  readonly phase: "executing";
  /** The start attempt of the code, from 1. */
  readonly attempt: number;
  /** Bytes so far. */
  readonly bytes: { readonly stdout: number; readonly stderr: number };
  /** Only if the request has `live: "heartbeat"`. */
  readonly live?: { readonly stdout?: LiveWindow; readonly stderr?: LiveWindow };
}

/** The input of the workflow `reapCell` and of its activities: a cell of a cluster whose output is in the result. */
export interface ReapInput {
  readonly cellId: string;
  readonly backend: BackendName;
  readonly ttlMilliseconds: number;
  /** The requester of the run, for log lines. */
  readonly requester?: string | null;
  /**
   * The parent workflow; null if there is none. The workflow sets it from `workflowInfo`, and overrides the value in
   * its own input. Absent in histories of 0.1.0.
   */
  readonly parent?: { readonly workflowId: string } | null;
}

/** The output of `sweepCells`. */
export interface SweepReport {
  /** The number of unfinished cells. */
  readonly looked: number;
  /** The cells that were removed because their runs are closed. */
  readonly removed: readonly string[];
  /** The cells whose removal failed. The next sweep tries again. */
  readonly resisted?: readonly string[];
  /** Why the sweep ended before it had checked all cells; null if it checked all. */
  readonly stopped: string | null;
}

/** The activities as the workflow calls them. */
export interface Activities {
  provision(input: ProvisionInput): Promise<ProvisionedCell | NoPlaceNow | Restarted>;
  /**
   * Returns {@link NoPlaceNow} if a quota prevented the creation of the cell's pod. This call did not start the code
   * then.
   */
  execute(input: CellInput): Promise<ExecuteOutput | Elsewhere | NoPlaceNow>;
  /** Installs the packages of a run whose cell is prepared. */
  prepareEnvironment(input: CellInput): Promise<Environment | Elsewhere | NoPlaceNow>;
  /** Returns the output in the store of a run whose worker is gone. */
  salvage(input: SalvageInput): Promise<ExecuteOutput>;
  cleanUp(input: CleanUpInput): Promise<Elsewhere | undefined>;
  /** Reads a chunk of a batch's requests. */
  readRequests(chunk: BatchChunk): Promise<BatchEntry[]>;
  /** Lets the supervisor of a finished cell end. */
  releaseCell(input: ReapInput): Promise<void>;
  /** Removes a finished cell's Job and pods, and confirms that they are gone. */
  removeCell(input: ReapInput): Promise<void>;
  /** Removes the cells of this instance whose runs closed without a clean-up. */
  sweepCells(): Promise<SweepReport>;
}

/** The activities of rollouts of Agents. Operators carry them out, on a queue of their own. */
export interface RolloutActivities {
  /** Waits until a rollout has ended, and changes nothing. */
  awaitRollout(rollout: Rollout): Promise<RolloutEnd>;
}

/**
 * What a backend is: it prepares a cell, runs code in it at most once, and takes it away. The phases of a run
 * (`provision.ts`, `execute.ts`, `clean-up.ts`) know only this interface.
 *
 * @module
 */
import type { Readable, Writable } from "node:stream";
import { KgentsError } from "#core/contract/error";
import type { Language } from "#core/contract/language";
import type { Content, ExecutionSpec } from "#core/contract/request";
import type { BackendName, Isolation } from "#core/contract/result";

/** What a cell is made from. Its id derives from the run and the attempt of the code, never from an activity's attempt. */
export interface CellPlan {
  readonly cellId: string;
  readonly spec: ExecutionSpec;
  readonly language: Language;
  /** The run that it is for: written on what outlives a worker, so that nobody takes it for abandoned. */
  readonly owner: { readonly workflowId: string; readonly runId: string };
}

/**
 * Why a running cell is stopped before the code ends by itself. `handed-over` ends only the following: the code runs on, and
 * another worker takes it over. A backend whose cells are bound to their host is never told so.
 */
export type StopReason =
  | "cancelled"
  | "timed-out"
  | "output-limit"
  | "disk-limit"
  | "worker-shutdown"
  | "startup-timeout"
  | "collection-timeout"
  | "handed-over";

/** What a backend is given to run code with. */
export interface ExecuteContext {
  /** Aborted with a {@link StopReason} as its reason: kill every process, keep the output so far, return the outcome. */
  readonly stop: AbortSignal;
  /**
   * Called once, when the code starts: the time limit counts from here, or from the moment in which an earlier worker
   * started it.
   */
  readonly started: (at?: Date) => void;
  /**
   * Called when the code has ended, before its output files are collected: its time limit no longer counts, and the time to
   * collect and store what it left does.
   */
  readonly ended: () => void;
  /** Aborted when that time is over, or the code could not be ended in it: give back everything at once, and wait for nothing. */
  readonly abandoned: AbortSignal;
  /** How many bytes of each stream were stored by an earlier worker; what comes is what follows them. */
  readonly stored: { readonly stdout: number; readonly stderr: number };
  /** Where the code's stdout goes, byte for byte. Respect its back-pressure, and do not end it. */
  readonly stdout: Writable;
  /** Where the code's stderr goes, byte for byte. */
  readonly stderr: Writable;
  /** Opens content of the request, wherever it is kept. */
  readonly open: (content: Content) => Promise<Readable>;
  /**
   * Stores one output file, named relative to the work directory.
   *
   * @returns false where a limit on output files is reached: the stream was not read then, and the file must be listed as
   * omitted.
   */
  readonly saveFile: (name: string, content: Readable, bytes: number) => Promise<boolean>;
}

/** What a backend knows when the code has ended. */
export interface CellOutcome {
  /** How the code ended; null where nobody can tell. `code` is 128 + n where signal n ended it. */
  readonly exit: { readonly code: number; readonly signal: string | null } | null;
  /** Whether the kernel killed a process of the cell for memory: by its own counter, never inferred from 137. */
  readonly outOfMemory: boolean;
  /** Set where the cell itself ended the code at a limit, with one sentence for people. */
  readonly stopped?: { readonly reason: "timed-out" | "output-limit" | "disk-limit"; readonly detail: string } | null;
  /** Set where the code may have run but its outcome cannot be known: one sentence saying why. */
  readonly lost: string | null;
  readonly usage: { readonly peakMemoryBytes: number | null; readonly cpuSeconds: number | null };
  /** How many bytes of each stream were read from the cell, from the beginning: compared with what reached the store. */
  readonly read?: { readonly stdout: number; readonly stderr: number };
  /** Wall-clock time of the code as the cell itself measured it, in milliseconds; null where it could not. */
  readonly ranMilliseconds?: number | null;
  /** Output files that matched but were refused or did not fit, each with its reason. */
  readonly filesOmitted: readonly { readonly name: string; readonly reason: string }[];
  /** What was really enforced, where execution knows better than provisioning did. */
  readonly isolation?: Isolation;
}

/** A cluster has no room for a cell now, and may have some later. Nothing was started. */
export class NoRoom extends KgentsError {
  /** @param why what is full, in a phrase */
  constructor(why: string, options: { readonly cause?: unknown } = {}) {
    super("quota-exceeded", why, options);
  }
}

/** What a backend says of itself, for `kgents status`. */
export interface BackendStatus {
  readonly available: boolean;
  /** Why it is not available and what to do, or a sentence about what it is. */
  readonly summary: string;
  /** What it can enforce on this machine; null where it is not available. */
  readonly isolation: Isolation | null;
}

/** A cell of a cluster, as its owner sees it. */
export interface OwnedCell {
  readonly cellId: string;
  /** What tells it from another cell that had, or will have, its name. */
  readonly uid?: string | undefined;
  readonly workflowId: string;
  readonly runId: string;
  readonly createdAt: Date;
  /** Whether its supervisor has ended: what is left goes by its TTL. */
  readonly finished: boolean;
}

/**
 * Takes room for a cell, at once. Returns why there is none, in a phrase; undefined where it was taken, or the cell is there
 * already.
 *
 * @throws KgentsError `quota-exceeded` where there never will be any
 */
export type TakeRoom = (plan: CellPlan) => string | undefined;

/** What cells need that are not bound to a worker's machine: any worker can look after them, and none has to. */
export interface ClusterCells {
  /**
   * Looks how much room there is. What a quota does not let be seen is taken for room.
   *
   * @throws KgentsError where the cluster cannot take any run
   */
  readonly room: () => Promise<TakeRoom>;
  /** The cells that this worker let in and that still live, whoever follows them. */
  readonly admitted: () => readonly string[];
  /** Gives back room that was taken for a cell which does not come to be; nothing to do is no error. */
  readonly giveBack: (cellId: string) => void;
  /** Lets a cell end whose output is in the result; what is left of it can be looked at until its TTL is over. */
  readonly release: (cellId: string) => Promise<void>;
  /** Takes a cell away unless it has finished. Returns whether there was anything to take away. */
  readonly discard: (cellId: string) => Promise<boolean>;
  /** A cell of this instance; null where there is no Job of it. */
  readonly find: (cellId: string) => Promise<OwnedCell | null>;
  /** All cells of this instance. */
  readonly list: () => Promise<readonly OwnedCell[]>;
}

/** A backend. Each method can be called again after a crash of the worker in the middle of it. */
export interface Backend {
  readonly name: BackendName;
  /** Whether its cells live on this worker's machine, so that later phases must come back to it. */
  readonly hostBound: boolean;
  /** Looks at the machine or the cluster; cached for a short time. */
  readonly status: () => Promise<BackendStatus>;
  /**
   * Prepares a cell; adopts the one that is there already.
   *
   * @throws NoRoom; KgentsError when the run cannot be carried out here
   */
  readonly provision: (plan: CellPlan) => Promise<{ isolation: Isolation }>;
  /** Set where cells live in a cluster. */
  readonly cluster?: ClusterCells;
  /**
   * Runs the code at most once for a cell: a second call, from whatever process, never starts it again but goes on
   * following it, or says `lost` where that cannot be.
   *
   * @throws NoRoom; KgentsError when the code was certainly not started
   */
  readonly execute: (plan: CellPlan, context: ExecuteContext) => Promise<CellOutcome>;
  /**
   * Takes the cell and everything of it away; nothing to do is no error.
   *
   * @param found the cell, where it was looked up just now: it need not be looked up again
   */
  readonly cleanUp: (cellId: string, found?: OwnedCell) => Promise<void>;
  /** Takes away what an earlier worker process left here. Returns how many cells that were. */
  readonly sweep: () => Promise<number>;
  /** Gives back what it holds ready, when the worker stops. */
  readonly close: () => Promise<void>;
}

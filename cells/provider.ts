/**
 * The backend interface: prepares a cell, runs code in it at most once, and removes it. The phases of a run
 * (`provision.ts`, `execute.ts`, `clean-up.ts`) depend only on this interface.
 *
 * @module
 */
import type { Readable, Writable } from "node:stream";
import { KgentsError } from "#core/contract/error";
import type { Language } from "#core/contract/language";
import type { Content, ExecutionSpec } from "#core/contract/request";
import type { BackendName, Isolation } from "#core/contract/result";

/**
 * The input from which a cell is created. Its id derives from the run and the attempt of the code, never from an
 * activity's attempt.
 */
export interface CellPlan {
  readonly cellId: string;
  readonly spec: ExecutionSpec;
  readonly language: Language;
  /**
   * The run that owns the cell. It is recorded on every object that outlives a worker, so that no sweep treats the cell
   * as abandoned.
   */
  readonly owner: { readonly workflowId: string; readonly runId: string };
}

/**
 * Why a running cell is stopped before the code exits by itself. With `handed-over` only this worker stops following:
 * the code keeps running, and another worker takes it over. Backends whose cells are bound to their host never receive
 * it.
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

/** The context in which a backend runs code. */
export interface ExecuteContext {
  /** Aborted with a {@link StopReason} as its reason: kill every process, keep the output so far, return the outcome. */
  readonly stop: AbortSignal;
  /**
   * Called once, when the code starts. The time limit counts from this moment, or from `at` if an earlier worker
   * started the code.
   */
  readonly started: (at?: Date) => void;
  /**
   * Called when the code has ended, before its output files are collected. The code's time limit stops counting, and
   * the time limit for collecting and storing its output starts.
   */
  readonly ended: () => void;
  /**
   * Aborted when that time limit passes, or when the code could not be ended within it. Release everything at once,
   * without waiting.
   */
  readonly abandoned: AbortSignal;
  /** Bytes of each stream that an earlier worker stored. Output continues after them. */
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
   * @returns false if a limit on output files is reached: the content was not read, and the file must be listed as
   * omitted
   */
  readonly saveFile: (name: string, content: Readable, bytes: number) => Promise<boolean>;
}

/** The outcome of the code, as the backend reports it. */
export interface CellOutcome {
  /** How the code ended; null if unknown. `code` is 128 + n if signal n ended it. */
  readonly exit: { readonly code: number; readonly signal: string | null } | null;
  /**
   * Whether the kernel OOM-killed a process of the cell, from the kernel's own counter. Exit code 137 alone does not
   * prove it.
   */
  readonly outOfMemory: boolean;
  /** Set if the cell itself ended the code at a limit. `detail` is one sentence for people. */
  readonly stopped?: { readonly reason: "timed-out" | "output-limit" | "disk-limit"; readonly detail: string } | null;
  /** Set if the code may have run but its outcome is unknown: one sentence with the reason. */
  readonly lost: string | null;
  readonly usage: { readonly peakMemoryBytes: number | null; readonly cpuSeconds: number | null };
  /**
   * Bytes of each stream that were read from the cell, from the beginning. Compared with the bytes that reached the
   * store.
   */
  readonly read?: { readonly stdout: number; readonly stderr: number };
  /** Wall-clock time of the code, measured by the cell itself, in milliseconds; null if it could not be measured. */
  readonly ranMilliseconds?: number | null;
  /** Output files that matched but were refused or did not fit, each with a reason. */
  readonly filesOmitted: readonly { readonly name: string; readonly reason: string }[];
  /** The isolation that was enforced, if it differs from what `provision` returned. */
  readonly isolation?: Isolation;
}

/** A cluster has no room for a cell now but may have some later. Nothing was started. */
export class NoRoom extends KgentsError {
  /** @param why what is full, in a phrase */
  constructor(why: string, options: { readonly cause?: unknown } = {}) {
    super("quota-exceeded", why, options);
  }
}

/** The status of a backend, for `kgents status`. */
export interface BackendStatus {
  readonly available: boolean;
  /** If unavailable: the reason and the remedy. Otherwise one sentence about the backend. */
  readonly summary: string;
  /** The isolation that it can enforce on this machine; null if it is not available. */
  readonly isolation: Isolation | null;
}

/** A cell in a cluster, as its owner sees it. */
export interface OwnedCell {
  readonly cellId: string;
  /** The object's uid. It distinguishes the cell from an earlier or later one with the same name. */
  readonly uid?: string | undefined;
  readonly workflowId: string;
  readonly runId: string;
  readonly createdAt: Date;
  /** Whether its supervisor has ended. The TTL then deletes the remaining objects. */
  readonly finished: boolean;
}

/**
 * Reserves room for a cell, synchronously.
 *
 * @returns a phrase that says why there is no room; undefined if room was reserved or the cell already exists
 * @throws KgentsError `quota-exceeded` if the cell can never fit
 */
export type TakeRoom = (plan: CellPlan) => string | undefined;

/** Operations on cells that are not bound to a worker's machine. Any worker can run them on any cell. */
export interface ClusterCells {
  /**
   * Reads how much room there is. If the quotas cannot be read for lack of permission, the cluster counts as having
   * room.
   *
   * @throws KgentsError if the cluster cannot take any run
   */
  readonly room: () => Promise<TakeRoom>;
  /** The cells that this worker admitted and that are still alive, even if another worker follows them now. */
  readonly admitted: () => readonly string[];
  /** Releases the room that was reserved for a cell that will not be created. Does nothing if none was reserved. */
  readonly giveBack: (cellId: string) => void;
  /** Ends a cell whose output is stored in the result. Its objects can be inspected until their TTL expires. */
  readonly release: (cellId: string) => Promise<void>;
  /** Deletes a cell unless it has finished. Returns whether there was anything to delete. */
  readonly discard: (cellId: string) => Promise<boolean>;
  /** Finds a cell of this instance; null if it has no Job. */
  readonly find: (cellId: string) => Promise<OwnedCell | null>;
  /** Lists all cells of this instance. */
  readonly list: () => Promise<readonly OwnedCell[]>;
}

/** A backend. Each method can be called again after the worker crashed in the middle of it. */
export interface Backend {
  readonly name: BackendName;
  /** Whether its cells live on this worker's machine, so that later phases must run on the same worker. */
  readonly hostBound: boolean;
  /** Checks the machine or the cluster. The answer is cached for a short time. */
  readonly status: () => Promise<BackendStatus>;
  /**
   * Prepares a cell, or adopts it if it already exists.
   *
   * @throws NoRoom; KgentsError when the run cannot be carried out here
   */
  readonly provision: (plan: CellPlan) => Promise<{ isolation: Isolation }>;
  /** Set if the cells live in a cluster. */
  readonly cluster?: ClusterCells;
  /**
   * Runs the code at most once per cell. A second call, from any process, never starts it again: it continues to follow
   * the code, or reports `lost` if that is not possible.
   *
   * @throws NoRoom; KgentsError when the code was certainly not started
   */
  readonly execute: (plan: CellPlan, context: ExecuteContext) => Promise<CellOutcome>;
  /**
   * Deletes the cell and everything that belongs to it. Does nothing if there is no such cell.
   *
   * @param found the cell, if the caller has just looked it up; it is not looked up again
   */
  readonly cleanUp: (cellId: string, found?: OwnedCell) => Promise<void>;
  /** Removes the cells that an earlier worker process left on this machine. Returns how many there were. */
  readonly sweep: () => Promise<number>;
  /** Releases the resources that it keeps ready, when the worker stops. */
  readonly close: () => Promise<void>;
}

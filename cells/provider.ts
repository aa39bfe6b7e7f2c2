/**
 * The contract between the activities and what runs code: a cell is a place with limits, and programs run in it.
 *
 * A provider creates cells and runs their programs. The claim to start a program is (cell, n): program `n` of a cell is
 * started at most once, whoever asks and however often. The claim is made atomically inside the cell or on its host,
 * never in a history or in the memory of a worker.
 *
 * @module
 */
import type { Readable, Writable } from "node:stream";
import type { CellShape, Program } from "#core/contract/cell-shape";
import type { Content } from "#core/contract/request";
import type { BackendName, Isolation } from "#core/contract/result";
import { interruptSeconds } from "#core/manifest/interrupt-program";
import type { Ecosystem, PackageRuntime } from "#core/packages/environment";
import type { CellPlan } from "./cell-plan.ts";
import type { Placement } from "./placement/placement.ts";

/**
 * Why a running program is stopped before it exits by itself. With `handed-over` only this worker stops following: the
 * program keeps running, and another worker takes it over. Only cells that other workers can reach receive it.
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

/** How long an interrupted program of a session may take to end before it is killed, in milliseconds. */
export const interruptPatience = interruptSeconds * 1000;

/** The most bytes of what a kernel says of a call. */
export const maximumKernelResult = 12 * 2 ** 20;

/** The connections of a running program with the worker. */
export interface ProgramContext {
  /**
   * Aborted with a {@link StopReason} as its reason: kill every process, keep the output so far, return the outcome. A
   * program of a session is interrupted first, and all processes of its cell are killed if it has not ended
   * {@link interruptPatience} later.
   */
  readonly stop: AbortSignal;
  /**
   * Called once, when the program starts. The time limit counts from this moment, or from `at` if an earlier worker
   * started the program.
   */
  readonly started: (at?: Date) => void;
  /**
   * Called when the program has ended, before its output files are collected. Its time limit stops counting, and the
   * time limit for collecting and storing its output starts.
   */
  readonly ended: () => void;
  /**
   * Aborted when that time limit passes, or when the program could not be ended within it. Release everything at once,
   * without waiting.
   */
  readonly abandoned: AbortSignal;
  /** Bytes of each stream that an earlier worker stored. Output continues after them. */
  readonly stored: { readonly stdout: number; readonly stderr: number };
  /** Where the program's stdout goes, byte for byte. Respect its back-pressure, and do not end it. */
  readonly stdout: Writable;
  /** Where the program's stderr goes, byte for byte. */
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

/**
 * What the kernel of a cell says of a call: text that should be JSON and must not be trusted, at most
 * `maximumKernelResult` bytes; or why there is none. It says nothing (`none`) if it ended during the call.
 */
export type KernelResult = { readonly text: string } | { readonly absent: "none" | "too-large" };

/** The outcome of a program, as the provider reports it. */
export interface ProgramOutcome {
  /** How the program ended; null if unknown. `code` is 128 + n if signal n ended it. */
  readonly exit: { readonly code: number; readonly signal: string | null } | null;
  /**
   * Whether the kernel OOM-killed a process of the program, from the kernel's own counter. Exit code 137 alone does not
   * prove it.
   */
  readonly outOfMemory: boolean;
  /** Set if the cell itself ended the program at a limit. `detail` is one sentence for people. */
  readonly stopped?: { readonly reason: "timed-out" | "output-limit" | "disk-limit"; readonly detail: string } | null;
  /**
   * How a program of a session ended after it was asked to stop: by an interrupt, after which the other processes of the
   * cell go on; or by the kill of all processes of the cell, its kernel included. Undefined if it was not stopped.
   */
  readonly stoppedBy?: "interrupt" | "kill" | undefined;
  /** What the kernel says of the call. Set if the program is a call that has ended. */
  readonly kernelResult?: KernelResult | undefined;
  /** Set if the program may have run but its outcome is unknown: one sentence with the reason. */
  readonly lost: string | null;
  readonly usage: { readonly peakMemoryBytes: number | null; readonly cpuSeconds: number | null };
  /**
   * Bytes of each stream that were read from the cell, from the beginning. Compared with the bytes that reached the
   * store.
   */
  readonly read?: { readonly stdout: number; readonly stderr: number };
  /** Wall-clock time of the program, measured by the cell itself, in milliseconds; null if it could not be measured. */
  readonly ranMilliseconds?: number | null;
  /** Output files that matched but were refused or did not fit, each with a reason. */
  readonly filesOmitted: readonly { readonly name: string; readonly reason: string }[];
  /** The isolation that was enforced, if it differs from what `acquire` returned. */
  readonly isolation?: Isolation;
}

/** The outcome of a program that nobody can follow any more. */
export const lostOutcome = (why: string | null): ProgramOutcome => ({
  exit: null,
  outOfMemory: false,
  lost: why,
  usage: { peakMemoryBytes: null, cpuSeconds: null },
  filesOmitted: [],
});

/** The status of a provider, for `kgents status`. */
export interface ProviderStatus {
  readonly available: boolean;
  /** If unavailable: the reason and the remedy. Otherwise one sentence about the provider. */
  readonly summary: string;
  /** The isolation that it can enforce on this machine; null if it is not available. */
  readonly isolation: Isolation | null;
}

/** An existing cell and the run that it belongs to. */
export interface OwnedCell {
  readonly cellId: string;
  /** The uid of its object in a cluster. It distinguishes the cell from another one with the same name. */
  readonly uid?: string | undefined;
  readonly workflowId: string;
  readonly runId: string;
  readonly createdAt: Date;
  /** Whether it runs no program any more. A cluster then deletes the remaining objects after their TTL. */
  readonly finished: boolean;
}

/**
 * Creates cells and runs programs in them. Each method can be called again, by any process that reaches the cells,
 * after a worker crashed in the middle of it.
 */
export interface CellProvider {
  readonly name: BackendName;
  /**
   * Which workers reach its cells: only those of this host, whose cells end with the worker, or all. Decides the task
   * queue of later phases.
   */
  readonly reach: "host" | "everywhere";
  /** The number of cells that one worker has at once. */
  readonly maximumCells: number;
  /** Where its cells get their places. */
  readonly placement: Placement;
  /** How long collecting and storing the output of a program may take after its end, in milliseconds. */
  readonly collectionMilliseconds: number;
  /** Checks the machine or the cluster. The answer is cached for a short time. */
  readonly status: () => Promise<ProviderStatus>;
  /**
   * Checks a shape before anything is claimed.
   *
   * @throws KgentsError if the provider could never run such a cell
   */
  readonly check: (shape: CellShape) => void;
  /**
   * Creates a cell whose claim passed, or adopts it if it already exists.
   *
   * @throws NoPlace if there is no place after all; KgentsError when the cell cannot be created
   */
  readonly acquire: (plan: CellPlan) => Promise<{ readonly isolation: Isolation }>;
  /**
   * Runs program `n` of a cell, from 1, at most once. A second call, from any process, never starts it again: it
   * continues to follow the program, or reports `lost` if that is not possible. Programs of a cell run one at a time,
   * in the order of `n`.
   *
   * @throws NoPlace; KgentsError when the program was certainly not started
   */
  readonly run: (cell: CellPlan, n: number, program: Program, context: ProgramContext) => Promise<ProgramOutcome>;
  /**
   * Interrupts program `n` of a cell for a session, as Ctrl-C would: SIGINT. It may go on all the same. Can be called
   * several times.
   *
   * @returns false if the program does not run
   * @throws KgentsError `cluster-unavailable` if the cell could not be reached
   */
  readonly interrupt: (cell: CellPlan, n: number) => Promise<boolean>;
  /**
   * Asks the interpreter of a cell which packages fit it. The cell has been acquired, and no program of it was started.
   *
   * @throws NoPlace; KgentsError
   */
  readonly runtime: (cell: CellPlan, ecosystem: Ecosystem, signal: AbortSignal) => Promise<PackageRuntime>;
  /**
   * Puts packages that were built on this machine into a cell, before its first program. Does nothing if they are
   * there, or are mounted when the cell starts.
   *
   * @throws NoPlace; KgentsError
   */
  readonly addPackages: (cell: CellPlan, signal: AbortSignal) => Promise<void>;
  /** Ends a cell whose output is stored. Its objects in a cluster can be inspected until their TTL expires. */
  readonly release: (cellId: string) => Promise<void>;
  /**
   * Deletes a cell and everything that belongs to it, and gives its place back. Does nothing if there is no such cell.
   *
   * @param found the cell, if the caller has just looked it up; it is not looked up again
   */
  readonly remove: (cellId: string, found?: OwnedCell) => Promise<void>;
  /** Finds a cell; null if there is none. */
  readonly find: (cellId: string) => Promise<OwnedCell | null>;
  /** Lists the cells that outlive their worker, of this instance. */
  readonly list: () => Promise<readonly OwnedCell[]>;
  /** Removes the cells that an earlier worker process left on this machine. Returns how many there were. */
  readonly sweep: () => Promise<number>;
  /** Releases the resources that it keeps ready, when the worker stops. */
  readonly close: () => Promise<void>;
}

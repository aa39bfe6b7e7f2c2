/**
 * The inputs and outputs of the activities of sessions. They are stored in histories, so fields may be added, but never
 * changed.
 *
 * @module
 */
import type { BackendName } from "#core/contract/result";
import type { Checkpoint, FilesListed } from "#core/contract/session/result";
import type { CellInput, Elsewhere, ExecuteOutput, NoPlaceNow } from "./contract.ts";
import type { KernelOutput } from "./session-parts.ts";

/** A program of a session. What a client wrote is checked by the activity. */
export type SessionProgram =
  | { readonly kind: "run"; readonly call: unknown }
  | { readonly kind: "writeFiles"; readonly call: unknown }
  | { readonly kind: "readFiles"; readonly call: unknown }
  | { readonly kind: "listFiles" }
  | { readonly kind: "removeFiles"; readonly call: unknown }
  /** `changed`: only if files have changed since the last one. */
  | { readonly kind: "checkpoint"; readonly when: "always" | "changed" }
  | { readonly kind: "restore"; readonly checkpoint: Checkpoint };

/** The input of `runProgram`. */
export interface SessionProgramInput {
  /** The raw session. The activity validates it, because any SDK can start the workflow. */
  readonly session: unknown;
  readonly ends: number;
  readonly cellId: string;
  readonly backend: BackendName;
  /** The queue of the host that holds the cell; null if any worker can take the task. */
  readonly taskQueue: string | null;
  readonly firstRunId: string;
  /** The number of the program within its cell, from 1. */
  readonly n: number;
  /** The execution that asks. After a reset of the workflow, the same number means another program. */
  readonly runId: string;
  readonly program: SessionProgram;
  /** The packages of the cell; missing if the session names none. */
  readonly environment?: CellInput["environment"];
}

/** The output of `runProgram`. */
export interface SessionProgramOutput {
  readonly output: ExecuteOutput;
  /** Present for calls in a kernel. */
  readonly kernel?: KernelOutput;
  /** Present for a program that made a checkpoint; null if no file has changed since the last one. */
  readonly checkpoint?: Checkpoint | null;
  /** Why the checkpoint was not made, in a sentence. */
  readonly checkpointFailure?: string;
  /** Present for `writeFiles`. */
  readonly written?: readonly { readonly name: string; readonly bytes: number }[];
  /** Present for `listFiles`. */
  readonly listed?: Pick<FilesListed, "files" | "omitted">;
  /** Present for `removeFiles`. */
  readonly removed?: { readonly removed: readonly string[]; readonly missing: readonly string[] };
}

/** Returned if the cell does not exist any more. This call did not start the program. */
export interface CellGone {
  readonly gone: string;
}

/** The input of `interruptProgram`. */
export type InterruptInput = Pick<
  SessionProgramInput,
  "session" | "ends" | "cellId" | "backend" | "taskQueue" | "firstRunId" | "n"
>;

/** The input of `forgetCheckpoint`. */
export type ForgetInput = Pick<SessionProgramInput, "firstRunId">;

/** The activities of sessions. */
export interface SessionActivities {
  /** Runs one program of a session in its cell, at most once. */
  runProgram(input: SessionProgramInput): Promise<SessionProgramOutput | CellGone | Elsewhere | NoPlaceNow>;
  /** Interrupts a running program, as Ctrl-C does. */
  interruptProgram(input: InterruptInput): Promise<{ readonly interrupted: boolean } | Elsewhere>;
  /** The latest checkpoint of a session that has ended is no longer kept in the store. */
  forgetCheckpoint(input: ForgetInput): Promise<void>;
}

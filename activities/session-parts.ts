/**
 * Parts of the inputs and outputs of activities that only sessions have. They are stored in histories, so fields may be
 * added, but never changed.
 *
 * @module
 */
import type { Display } from "#core/contract/session/result";

/** What `provision` needs to know of a session, whose cell it prepares. */
export interface SessionStart {
  /** When the session ends, in milliseconds since the epoch; null for its first cell: from now on its maximum age. */
  readonly ends: number | null;
}

/** What `provision` says of a session. */
export interface SessionCell {
  /** The execution in which the cell was prepared. Differs from the current one after a reset. */
  readonly runId: string;
  readonly kernel: boolean;
  readonly idleMilliseconds: number;
  readonly maximumAgeMilliseconds: number;
  readonly restore: "files" | "never";
}

/** What the kernel says of a call, checked and bounded. */
export interface KernelOutput {
  /** How the kernel says the code ended; null if it ended itself in the call, or says nothing. */
  readonly status: "ok" | "error" | "interrupted" | "exit" | null;
  readonly error: { readonly name: string; readonly message: string } | null;
  readonly displays: readonly Display[];
  readonly displaysOmitted: number;
  /** The number of the call within its kernel, from 1; null if unknown. */
  readonly call: number | null;
  /** A sentence about what of the kernel's statement is missing. */
  readonly notice?: string;
}

import type { ProvisionedCell } from "#activities/contract";
import type { CallEntry, Checkpoint } from "#core/contract/session/result";
import type { Place } from "../phases.ts";
import type { RecentUpdate } from "./recent-updates.ts";

/** What a session passes to its next execution. All of it is bounded. */
export interface Carried {
  /** When the session started, in milliseconds since the epoch. */
  readonly started: number;
  /** When it was last used. */
  readonly lastUsed: number;
  /** When it ends; null until its first cell is ready. */
  readonly ends: number | null;
  /** Cells so far. */
  readonly cells: number;
  readonly cell: ProvisionedCell | null;
  readonly place: Place;
  /** The number of the latest program within the cell. */
  readonly n: number;
  /** Calls so far. */
  readonly calls: number;
  /** Why there is no cell, if there was one. */
  readonly gone: string | null;
  readonly checkpoint: Checkpoint | null;
  /** When it was last looked whether files have changed, in milliseconds since the epoch. */
  readonly looked: number;
  /** Whether a program has run since. */
  readonly mayHaveChanged: boolean;
  /** Why the latest changes of files are not kept. @default null */
  readonly checkpointFailure?: string | null;
  /** How many checkpoints in a row failed. @default 0 */
  readonly failures?: number;
  readonly entries: readonly CallEntry[];
  readonly recent: readonly RecentUpdate[];
}

/** The second argument of a session: nothing but for continuations and tests. */
export interface SessionSettings {
  /** The number of updates after which the session continues as new. @default 900 */
  readonly updates?: number;
  /** The size of a history, in bytes, after which the session continues as new. @default 4 MiB */
  readonly history?: number;
  /** Honoured only in an execution that continues another one. */
  readonly from?: Carried;
}

/** The state of a session that has just started. */
export const nothingYet = (now: number): Carried => ({
  started: now,
  lastUsed: now,
  ends: null,
  cells: 0,
  cell: null,
  place: "here",
  n: 0,
  calls: 0,
  gone: null,
  checkpoint: null,
  looked: 0,
  mayHaveChanged: false,
  entries: [],
  recent: [],
});

import { workflowInfo } from "@temporalio/workflow";
import type { ProvisionedCell } from "#activities/contract";
import type { SessionProgram, SessionProgramOutput } from "#activities/session-contract";
import type { CallEntry, Checkpoint } from "#core/contract/session/result";
import type { Place } from "../phases.ts";
import { type Carried, nothingYet } from "./carried.ts";
import { createRecentUpdates, type RecentUpdates } from "./recent-updates.ts";
import type { Wanted } from "./wanted.ts";

/** How many calls the query `calls` lists. */
const maximumEntries = 50;

/** The state of a session within one execution. */
export interface SessionMemory {
  readonly started: number;
  readonly place: Place;
  lastUsed: number;
  ends: number | null;
  cells: number;
  cell: ProvisionedCell | null;
  n: number;
  calls: number;
  gone: string | null;
  checkpoint: Checkpoint | null;
  looked: number;
  mayHaveChanged: boolean;
  /** Why the latest changes of files are not kept; null if they are, or were not looked for yet. */
  checkpointFailure: string | null;
  /** How many checkpoints in a row failed. */
  failures: number;
  /** The program that runs now. */
  current: {
    readonly cell: ProvisionedCell;
    readonly n: number;
    readonly kind: SessionProgram["kind"];
  } | null;
  /** The latest cell, also if it is gone. */
  latest: ProvisionedCell | null;
  /** Whether the session ends when its cell is gone. */
  neverRestores: boolean;
  readonly entries: () => readonly CallEntry[];
  readonly addEntry: (entry: CallEntry) => void;
  readonly recent: RecentUpdates;
  /** Notes what a program may have changed, and the checkpoint that it made. */
  readonly saw: (wanted: Pick<Wanted, "mayCheckpoint">, output: SessionProgramOutput) => void;
  /** Notes why the latest changes of files are not kept; undefined if they are. */
  readonly keptChanges: (failure: string | undefined) => void;
  /** Takes over a new cell. */
  readonly provisioned: (cell: ProvisionedCell, ends: number) => void;
  /** Notes the packages of the present cell. */
  readonly installed: (cell: ProvisionedCell) => void;
  /** Whether the present cell belongs to an execution that was reset: what ran in it since is unknown. */
  readonly wasReset: () => boolean;
  /** What the next execution needs. */
  readonly carried: (place: Place) => Carried;
}

/** Creates the state of an execution from what the one before has passed on. */
export function createMemory(from: Carried | undefined): SessionMemory {
  const before = from ?? nothingYet(Date.now());
  const { recent: recentBefore, entries: entriesBefore, ...fields } = before;
  const recent = createRecentUpdates(recentBefore);
  let entries = [...entriesBefore];
  const memory: SessionMemory = {
    ...fields,
    checkpointFailure: before.checkpointFailure ?? null,
    failures: before.failures ?? 0,
    current: null,
    latest: before.cell,
    neverRestores: before.cell?.session?.restore === "never",
    recent,
    entries: () => entries,
    addEntry: (entry) => {
      entries = [...entries, entry].slice(-maximumEntries);
    },
    saw: ({ mayCheckpoint }, { checkpoint }) => {
      if (checkpoint) memory.checkpoint = checkpoint;
      if (mayCheckpoint) memory.mayHaveChanged = true;
      if (checkpoint === undefined) return;
      memory.looked = Date.now();
      memory.keptChanges(undefined);
    },
    keptChanges: (failure) => {
      memory.mayHaveChanged = failure !== undefined;
      memory.checkpointFailure = failure ?? null;
      memory.failures = failure === undefined ? 0 : memory.failures + 1;
    },
    provisioned: (cell, ends) => {
      Object.assign(memory, { cell, latest: cell, ends, n: 0, neverRestores: cell.session?.restore === "never" });
      memory.keptChanges(undefined);
    },
    installed: (cell) => {
      Object.assign(memory, { cell, latest: cell });
    },
    wasReset: () => {
      const { cell } = memory;
      // A cell of the execution before was prepared there.
      return cell !== null && cell !== before.cell && cell.session?.runId !== workflowInfo().runId;
    },
    carried: (place) => {
      const { started, lastUsed, ends, cells, cell, n, calls, gone, checkpoint, looked, mayHaveChanged } = memory;
      const { checkpointFailure, failures } = memory;
      const numbers = { started, lastUsed, ends, cells, n, calls, looked, mayHaveChanged, checkpointFailure, failures };
      return { ...numbers, cell, place, gone, checkpoint, entries, recent: recent.all() };
    },
  };
  return memory;
}

import type { StopReason } from "#cells/provider";
import { unknownRequester } from "#core/contract/names";
import type { BackendName } from "#core/contract/result";
import type { ExecuteHeartbeat, ExecuteOutput } from "./contract.ts";

/**
 * Code that this process runs or follows. It is independent of activity attempts: one may be lost, and a later one can
 * follow the code.
 */
export interface RunningCell {
  /** The outcome. Kept until the cell is cleaned up, so that a later attempt can return it. */
  readonly outcome: Promise<ExecuteOutput>;
  readonly stop: (reason: StopReason, detail: string) => void;
  readonly heartbeat: () => ExecuteHeartbeat;
  /** Calls the listener on each output. Returns a function that unsubscribes it. */
  readonly onOutput: (listener: () => void) => () => void;
}

/** A cell that this worker knows of, from its provisioning to its clean-up. */
export interface KnownCell {
  readonly cellId: string;
  readonly backend: BackendName;
  readonly workflowId: string;
  readonly runId: string;
  /** The requester of the run; null if the request names none. */
  readonly requester: string | null;
  /** Whether it is the cell of a session, which may be without a program for hours. */
  readonly isSession?: boolean;
  /** Set while the code runs here, and afterwards. */
  running?: RunningCell;
  /** Which program of a session `running` is: who asked for it, and its number. */
  program?: string;
  /** The number of activity attempts that follow it now. */
  followers: number;
  /** When the last attempt stopped following it, or else when it was registered, in milliseconds since the epoch. */
  lastFollowed: number;
  /** Whether any attempt followed it here. A cell in a cluster may be followed by another worker only. */
  wasFollowed: boolean;
}

/** How long after provisioning, or after an attempt, the next attempt is still expected on this worker. */
const handOverMilliseconds = 5000;

/** Whether this worker is responsible for a cell: it follows it, has just followed it, or is about to. */
export const isCarried = ({ followers, lastFollowed }: KnownCell): boolean =>
  followers > 0 || Date.now() - lastFollowed < handOverMilliseconds;

/** The fields of a cell for log lines. */
export const aboutCell = ({ cellId, workflowId, runId, requester }: KnownCell) => ({
  cellId,
  workflowId,
  runId,
  requester: requester ?? unknownRequester,
});

/** The registry of this process's cells. */
export interface RunningCells {
  readonly know: (
    cell: Pick<KnownCell, "cellId" | "backend" | "workflowId" | "runId" | "requester" | "isSession">,
  ) => KnownCell;
  readonly get: (cellId: string) => KnownCell | undefined;
  readonly forget: (cellId: string) => void;
  readonly all: () => readonly KnownCell[];
  /** Calls the listener with all cells whenever one is added or removed. */
  readonly onChange: (listener: (cells: readonly KnownCell[]) => void) => void;
}

/** Creates an empty registry. */
export function createRunningCells(): RunningCells {
  const cells = new Map<string, KnownCell>();
  const listeners: ((cells: readonly KnownCell[]) => void)[] = [];
  const all = (): KnownCell[] => [...cells.values()];
  const changed = (): void => {
    for (const listener of listeners) listener(all());
  };
  return {
    know: (cell) => {
      const here = cells.get(cell.cellId);
      if (here) return here;
      const known = { ...cell, followers: 0, lastFollowed: Date.now(), wasFollowed: false };
      cells.set(cell.cellId, known);
      changed();
      return known;
    },
    get: (cellId) => cells.get(cellId),
    forget: (cellId) => {
      if (cells.delete(cellId)) changed();
    },
    all,
    onChange: (listener) => void listeners.push(listener),
  };
}

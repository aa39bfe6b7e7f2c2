import type { StopReason } from "#cells/provider";
import { unknownRequester } from "#core/contract/names";
import type { BackendName } from "#core/contract/result";
import type { ExecuteHeartbeat, ExecuteOutput } from "./contract.ts";

/** Code that this process runs or follows, apart from the activity attempt that follows it: an attempt may be lost and another come. */
export interface RunningCell {
  /** The outcome; kept until the cell is cleaned up, so that a later attempt still gets it. */
  readonly outcome: Promise<ExecuteOutput>;
  readonly stop: (reason: StopReason, detail: string) => void;
  readonly heartbeat: () => ExecuteHeartbeat;
  /** Calls back whenever output came. Returns how to end that. */
  readonly onOutput: (listener: () => void) => () => void;
}

/** A cell that this worker knows of, from its provisioning to its clean-up. */
export interface KnownCell {
  readonly cellId: string;
  readonly backend: BackendName;
  readonly workflowId: string;
  readonly runId: string;
  /** Who asked for the run, where the request says it. */
  readonly requester: string | null;
  /** Set while or after the code ran here. */
  running?: RunningCell;
  /** Activity attempts that hold it now. */
  followers: number;
  /** When the last attempt let go of it, or else since when it is known, in milliseconds since the epoch. */
  lastFollowed: number;
  /** Whether any attempt held it here. One of a cluster may be followed by another worker alone. */
  wasFollowed: boolean;
}

/** How long after its provisioning, or after an attempt, the next attempt at a cell is still to come here. */
const handOverMilliseconds = 5000;

/** Whether a cell is looked after here: it is followed, or was just now, or is about to be. */
export const isCarried = ({ followers, lastFollowed }: KnownCell): boolean =>
  followers > 0 || Date.now() - lastFollowed < handOverMilliseconds;

/** What log lines say of a cell. */
export const aboutCell = ({ cellId, workflowId, runId, requester }: KnownCell) => ({
  ...{ cellId, workflowId, runId },
  requester: requester ?? unknownRequester,
});

/** The cells of this process. */
export interface RunningCells {
  readonly know: (cell: Pick<KnownCell, "cellId" | "backend" | "workflowId" | "runId" | "requester">) => KnownCell;
  readonly get: (cellId: string) => KnownCell | undefined;
  readonly forget: (cellId: string) => void;
  readonly all: () => readonly KnownCell[];
  /** Calls back with all cells whenever there is one more or one less. */
  readonly onChange: (listener: (cells: readonly KnownCell[]) => void) => void;
}

/** Makes an empty registry. */
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

/**
 * The cells of this worker that run many programs, each in a sandbox that stays until the cell ends.
 *
 * @module
 */
import type { Program } from "#core/contract/cell-shape";
import type { CellPlan } from "../../cell-plan.ts";
import { lostOutcome, type ProgramContext, type ProgramOutcome } from "../../provider.ts";
import type { CellDirectories } from "../sandbox/cell-directory.ts";
import type { Engine } from "../sandbox/engine.ts";
import { watchStart } from "../watch-start.ts";
import { type OpenedCell, type OpeningCell, openCell } from "./open-cell.ts";
import { createTurns, type Turns } from "./turns.ts";

/** The cells with many programs. */
export interface LastingCells {
  /** Runs a program whose claim the caller has. */
  readonly run: (cell: CellPlan, n: number, program: Program, context: ProgramContext) => Promise<ProgramOutcome>;
  /** Interrupts a program of a session. Returns false if it does not run. */
  readonly interrupt: (cellId: string, n: number) => boolean;
  /** Ends the sandbox of a cell. Its programs are lost from now on. */
  readonly end: (cellId: string, why: string) => Promise<void>;
  /** Ends it, and forgets the cell. */
  readonly remove: (cellId: string) => Promise<void>;
  readonly endAll: () => Promise<void>;
}

interface LastingCell extends OpeningCell {
  readonly turns: Turns;
  /** The highest number of a program that came. */
  latest: number;
  opened?: OpenedCell | undefined;
  /** The number of the program that its sandbox runs. */
  running?: number | undefined;
  /** Ends it when the lifetime of the cell is over. */
  clock?: NodeJS.Timeout;
}

/** The outcome of a program that was stopped before it started. */
const notStarted = lostOutcome(null);

/**
 * Runs the next program of a cell, whose turn it is.
 *
 * @param onLifetimeOver called when the lifetime of the cell is over; it counts from the start of its sandbox
 */
async function runNext(
  { engine, records }: { readonly engine: Engine; readonly records: CellDirectories },
  plan: CellPlan,
  cell: LastingCell,
  n: number,
  program: Program,
  context: ProgramContext,
  onLifetimeOver: () => void,
): Promise<ProgramOutcome> {
  if (cell.ended !== undefined) return lostOutcome(cell.ended);
  if (cell.opened === undefined) {
    // Never a new sandbox instead of one that is gone, with its files.
    if (records.isRecorded(plan.cellId)) {
      return lostOutcome("the sandbox in which the cell's earlier programs ran is gone");
    }
    cell.opened = await openCell(engine, records, plan, cell, context);
    cell.clock = setTimeout(onLifetimeOver, plan.shape.lifetime).unref();
  }
  const { sandbox, prepared } = cell.opened;
  const gone = sandbox.whyGone();
  if (gone !== undefined) return lostOutcome(gone);
  const composed = await prepared.compose(n, program);
  if (context.stop.aborted) return notStarted;
  cell.running = n;
  try {
    return await sandbox.run(composed, context);
  } finally {
    cell.running = undefined;
  }
}

/** Creates the list of these cells, which is empty at first. */
export function createLastingCells(engine: Engine, records: CellDirectories): LastingCells {
  const cells = new Map<string, LastingCell>();
  const cellOf = (cellId: string): LastingCell => {
    const found = cells.get(cellId) ?? { turns: createTurns(), latest: 0 };
    cells.set(cellId, found);
    return found;
  };
  const end = async (cellId: string, why: string): Promise<void> => {
    const cell = cells.get(cellId);
    if (cell === undefined) return;
    cell.ended ??= why;
    clearTimeout(cell.clock);
    await cell.launcher?.remove();
  };
  /** Runs a program when those before it have ended. */
  const run: LastingCells["run"] = async (plan, n, program, context) => {
    const cell = cellOf(plan.cellId);
    if (n < cell.latest) return lostOutcome(`program ${cell.latest} of the cell came before program ${n}`);
    cell.latest = n;
    let endTurn = (): void => {};
    const watched = watchStart(context);
    const onLifetimeOver = (): void => void end(plan.cellId, "the lifetime of the cell is over").catch(() => {});
    try {
      endTurn = await cell.turns.take([context.stop, context.abandoned]);
      const outcome = await runNext({ engine, records }, plan, cell, n, program, watched.context, onLifetimeOver);
      return outcome.lost !== null && cell.ended !== undefined ? { ...outcome, lost: cell.ended } : outcome;
    } catch (error) {
      if (context.abandoned.aborted || watched.mayHaveRun()) throw error;
      if (cell.ended !== undefined) return lostOutcome(cell.ended);
      if (context.stop.aborted) return notStarted;
      throw error;
    } finally {
      endTurn();
    }
  };
  return {
    run,
    interrupt: (cellId, n) => {
      const { running, opened } = cells.get(cellId) ?? {};
      return running === n && (opened?.sandbox.interrupt() ?? false);
    },
    end,
    remove: async (cellId) => {
      await end(cellId, "the cell was removed");
      cells.delete(cellId);
    },
    endAll: async () => {
      await Promise.all([...cells.keys()].map((cellId) => end(cellId, "the worker has stopped")));
    },
  };
}

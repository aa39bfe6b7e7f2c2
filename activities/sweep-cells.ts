import { Context } from "@temporalio/activity";
import type { CellProvider, OwnedCell } from "#cells/provider";
import { removeUnfinished } from "#cells/remove-unfinished";
import type { SweepReport } from "./contract.ts";
import type { ActivityDependencies } from "./dependencies.ts";

/**
 * Cells younger than this, and cells of runs that closed more recently, are skipped: their start or clean-up may be in
 * progress.
 */
const settleMilliseconds = 30_000;
/** The number of cells per query of Temporal's visibility index. */
const pageCells = 100;
/** The time limit of a sweep. The rest of the activity's ten minutes is left for the removal in progress. */
const sweepMilliseconds = 8 * 60_000;

/** The Temporal lookups of a sweep. */
type Asks = Pick<ActivityDependencies, "askRun" | "openRuns">;

/** Whether a cell's run closed some time ago; undefined if Temporal does not answer. */
async function isOver(cell: OwnedCell, { askRun }: Asks): Promise<boolean | undefined> {
  const run = await askRun(cell.workflowId, cell.runId);
  if (run === undefined) return undefined;
  return !run.open && Date.now() - (run.closedAt?.getTime() ?? 0) > settleMilliseconds;
}

/**
 * The unfinished cells to check, oldest first. A Job without a run was not created by kgents, even if its labels say
 * so.
 */
const candidates = (cells: readonly OwnedCell[]): OwnedCell[] =>
  cells
    .filter(({ finished, cellId, workflowId, runId }) => !finished && cellId && workflowId && runId)
    .filter(({ createdAt }) => Date.now() - createdAt.getTime() > settleMilliseconds)
    .sort((a, b) => a.createdAt.getTime() - b.createdAt.getTime());

/**
 * Rotates the list to a random start, so that cells whose removal is slow or fails do not block the others in every
 * sweep.
 */
function fromAnywhere(cells: readonly OwnedCell[]): OwnedCell[] {
  const first = Math.floor(Math.random() * cells.length);
  return [...cells.slice(first), ...cells.slice(0, first)];
}

/**
 * Removes the cells whose runs are closed. Cells whose run is open in Temporal's visibility index are skipped. The runs
 * of the others are looked up one by one, because the index may lag.
 *
 * @param onProgress called before each page and each lookup
 */
export async function sweep(
  provider: Pick<CellProvider, "list" | "find" | "remove">,
  asks: Asks,
  onProgress: (removed: number) => void,
): Promise<SweepReport> {
  const end = Date.now() + sweepMilliseconds;
  const cells = fromAnywhere(candidates(await provider.list()));
  const removed: string[] = [];
  const resisted: string[] = [];
  const report = (stopped: string | null): SweepReport => ({ looked: cells.length, removed, resisted, stopped });
  const unanswered = "Temporal could not be asked";
  for (let page = 0; page < cells.length; page += pageCells) {
    onProgress(removed.length);
    const some = cells.slice(page, page + pageCells);
    const open = await asks.openRuns([...new Set(some.map(({ workflowId }) => workflowId))]);
    if (open === undefined) return report(unanswered);
    for (const cell of some.filter(({ runId }) => !open.has(runId))) {
      if (Date.now() > end) return report("there was no time for all; the next sweep begins elsewhere among them");
      onProgress(removed.length);
      const over = await isOver(cell, asks);
      if (over === undefined) return report(unanswered);
      if (!over) continue;
      try {
        if (await removeUnfinished(provider, cell.cellId)) removed.push(cell.cellId);
      } catch {
        // Not fatal: the next sweep tries again.
        resisted.push(cell.cellId);
      }
    }
  }
  return report(null);
}

/**
 * Removes the cells of this instance whose runs are closed: terminated runs, which run no clean-up code, and lost ones.
 */
export const sweepCells = (dependencies: ActivityDependencies) => async (): Promise<SweepReport> => {
  // Cells that only this host reaches are swept when its worker starts.
  const provider = Object.values(dependencies.providers).find(({ reach }) => reach === "everywhere");
  if (!provider) return { looked: 0, removed: [], stopped: "this worker serves no cluster" };
  return sweep(provider, dependencies, (removed) => Context.current().heartbeat({ removed }));
};

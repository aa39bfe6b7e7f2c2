import { Context } from "@temporalio/activity";
import type { ClusterCells, OwnedCell } from "#cells/provider";
import type { SweepReport } from "./contract.ts";
import type { ActivityDependencies } from "./dependencies.ts";

/** Younger cells are left alone, and those of runs that have just closed: what is to come for them may be under way. */
const settleMilliseconds = 30_000;
/** So many runs are asked about in one query of Temporal's index. */
const pageCells = 100;
/** What is left of the activity's ten minutes is for the removal that is under way then. */
const sweepMilliseconds = 8 * 60_000;

/** What a sweep asks of others. */
type Asks = Pick<ActivityDependencies, "askRun" | "openRuns">;

/** Whether a cell's run is over for good; undefined where Temporal cannot be asked. */
async function isOver(cell: OwnedCell, { askRun }: Asks): Promise<boolean | undefined> {
  const run = await askRun(cell.workflowId, cell.runId);
  if (run === undefined) return undefined;
  return !run.open && Date.now() - (run.closedAt?.getTime() ?? 0) > settleMilliseconds;
}

/** The cells that ought to be looked at. What names no run was not made by us, whatever its labels say. */
const candidates = (cells: readonly OwnedCell[]): OwnedCell[] =>
  cells
    .filter(({ finished, cellId, workflowId, runId }) => !finished && cellId && workflowId && runId)
    .filter(({ createdAt }) => Date.now() - createdAt.getTime() > settleMilliseconds)
    .sort((a, b) => a.createdAt.getTime() - b.createdAt.getTime());

/** The same cells from a random one on: what resists, and takes its time, does not stand before the others in each sweep. */
function fromAnywhere(cells: readonly OwnedCell[]): OwnedCell[] {
  const first = Math.floor(Math.random() * cells.length);
  return [...cells.slice(first), ...cells.slice(0, first)];
}

/**
 * Takes away the cells whose runs are over. Whose run is open by Temporal's index is passed over; of the others Temporal is asked one by
 * one, since the index may be behind.
 *
 * @param onProgress called before each page and each removal
 */
export async function sweep(
  cluster: Pick<ClusterCells, "list" | "discard">,
  asks: Asks,
  onProgress: (removed: number) => void,
): Promise<SweepReport> {
  const end = Date.now() + sweepMilliseconds;
  const cells = fromAnywhere(candidates(await cluster.list()));
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
        if (await cluster.discard(cell.cellId)) removed.push(cell.cellId);
      } catch {
        // The next sweep tries again.
        resisted.push(cell.cellId);
      }
    }
  }
  return report(null);
}

/** Takes away the cells of this instance whose runs are over: terminated ones, which run no clean-up code, and lost ones. */
export const sweepCells = (dependencies: ActivityDependencies) => async (): Promise<SweepReport> => {
  const cluster = dependencies.backends.kubernetes?.cluster;
  if (!cluster) return { looked: 0, removed: [], stopped: "this worker serves no cluster" };
  return sweep(cluster, dependencies, (removed) => Context.current().heartbeat({ removed }));
};

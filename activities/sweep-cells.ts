import { Context } from "@temporalio/activity";
import type { ClusterCells, OwnedCell } from "./backends/backend.ts";
import type { SweepReport } from "./contract.ts";
import type { ActivityDependencies, AskRun } from "./dependencies.ts";

/** Younger cells are left alone, and those of runs that have just closed: what is to come for them may be under way. */
const settleMilliseconds = 30_000;
/** So many are looked at in one sweep, the oldest first; the next one comes soon. */
const mostCells = 500;

/** Whether a cell's run is over for good; undefined where Temporal cannot be asked. */
async function isOver(cell: Pick<OwnedCell, "workflowId" | "runId">, askRun: AskRun): Promise<boolean | undefined> {
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

/**
 * Takes away the cells whose runs are over.
 *
 * @param onProgress called before each cell
 */
export async function sweep(
  cluster: Pick<ClusterCells, "list" | "discard">,
  askRun: AskRun,
  onProgress: (removed: number) => void,
): Promise<SweepReport> {
  const cells = candidates(await cluster.list());
  const removed: string[] = [];
  const resisted: string[] = [];
  const report = (stopped: string | null): SweepReport => ({ looked: cells.length, removed, resisted, stopped });
  for (const { cellId, ...cell } of cells.slice(0, mostCells)) {
    onProgress(removed.length);
    const over = await isOver(cell, askRun);
    if (over === undefined) return report("Temporal could not be asked");
    if (!over) continue;
    try {
      if (await cluster.discard(cellId)) removed.push(cellId);
    } catch {
      // The oldest come first: one that resists must not keep all that come after it, for ever.
      resisted.push(cellId);
    }
  }
  return report(cells.length > mostCells ? `there are more than ${mostCells}` : null);
}

/** Takes away the cells of this instance whose runs are over: terminated ones, which run no clean-up code, and lost ones. */
export const sweepCells = (dependencies: ActivityDependencies) => async (): Promise<SweepReport> => {
  const cluster = dependencies.backends.kubernetes?.cluster;
  if (!cluster) return { looked: 0, removed: [], stopped: "this worker serves no cluster" };
  return sweep(cluster, dependencies.askRun, (removed) => Context.current().heartbeat({ removed }));
};

import type { ActivityDependencies } from "#activities/dependencies";
import { aboutCell, isCarried, type KnownCell } from "#activities/running-cells";
import type { Backend } from "#cells/provider";
import { awaitEnd } from "./drain.ts";
import type { Logger } from "./logging.ts";

/** How often to look for cells that nobody follows. */
const roundMilliseconds = 1000;

/**
 * Takes away cells whose run is over although no clean-up came: a terminated workflow runs no clean-up code. A cell of a
 * run that is still open (paused, or between two attempts) stays.
 */
export function startJanitor(
  dependencies: Pick<ActivityDependencies, "running" | "limiter" | "backends" | "askRun">,
  log: Logger,
): { stop: () => Promise<void> } {
  const { running, limiter, backends, askRun } = dependencies;

  const remove = async (cell: KnownCell, backend: Backend): Promise<void> => {
    cell.running?.stop(backend.cluster ? "handed-over" : "cancelled", "the run was ended from outside");
    await awaitEnd(cell, log);
    // What has finished in a cluster goes by its TTL: another worker may have carried the run to its end.
    if (backend.cluster) await backend.cluster.discard(cell.cellId);
    else await backend.cleanUp(cell.cellId);
    limiter.release(cell.cellId);
    running.forget(cell.cellId);
    log.info(aboutCell(cell), "removed the cell of a run that is over");
  };

  const round = async (): Promise<void> => {
    for (const cell of running.all()) {
      const backend = backends[cell.backend];
      if (!backend || isCarried(cell)) continue;
      if (backend.cluster && !cell.wasFollowed) {
        // Another worker follows it. Where none does, the scheduled sweep takes it away.
        running.forget(cell.cellId);
        continue;
      }
      if (stopping || (await askRun(cell.workflowId, cell.runId))?.open !== false) continue;
      // One that resists must not keep the others.
      await remove(cell, backend).catch((error) =>
        log.error({ ...aboutCell(cell), error: String(error) }, "a cell could not be removed; tried again"),
      );
    }
  };

  let stopping = false;
  let current = Promise.resolve();
  let waiting = false;
  const timer = setInterval(() => {
    // A round that takes its time is not followed by all those that it has kept waiting.
    if (waiting) return;
    waiting = true;
    current = round()
      .catch((error) => log.error({ error: String(error) }, "a round of the janitor failed"))
      .finally(() => {
        waiting = false;
      });
  }, roundMilliseconds);
  return {
    stop: async () => {
      stopping = true;
      clearInterval(timer);
      await current;
    },
  };
}

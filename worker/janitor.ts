import type { ActivityDependencies } from "#activities/dependencies";
import { aboutCell, isCarried, type KnownCell } from "#activities/running-cells";
import type { CellProvider } from "#cells/provider";
import { removeUnfinished } from "#cells/remove-unfinished";
import type { Logger } from "#platform/host/logger";
import { awaitEnd } from "./drain.ts";
import { type Rounds, startRounds } from "./rounds.ts";

/** How often to look for abandoned cells, in milliseconds. */
const roundMilliseconds = 1000;
/** How often to ask about a session without a program, in milliseconds: it may be idle for hours. */
const sessionMilliseconds = 30_000;

/**
 * Removes cells whose run is over but had no clean-up: a terminated workflow runs no clean-up code. Cells of open runs
 * (paused, or between two attempts) stay.
 */
export function startJanitor(
  dependencies: Pick<ActivityDependencies, "running" | "providers" | "askRun">,
  log: Logger,
): Rounds {
  const { running, providers, askRun } = dependencies;

  const remove = async (cell: KnownCell, provider: CellProvider): Promise<void> => {
    cell.running?.stop(
      provider.reach === "everywhere" ? "handed-over" : "cancelled",
      "the run was closed by somebody else",
    );
    await awaitEnd(cell, log);
    // Another worker may have completed the run.
    await removeUnfinished(provider, cell.cellId);
    provider.placement.release(cell.cellId);
    running.forget(cell.cellId);
    log.info(aboutCell(cell), "removed the cell of a run that has ended");
  };

  /** When a session was asked about. */
  const asked = new WeakMap<KnownCell, number>();
  const isDue = (cell: KnownCell): boolean => {
    if (!cell.isSession) return true;
    if (Date.now() - Math.max(asked.get(cell) ?? 0, cell.lastFollowed) < sessionMilliseconds) return false;
    asked.set(cell, Date.now());
    return true;
  };

  const round = async (): Promise<void> => {
    for (const cell of running.all()) {
      const provider = providers[cell.backend];
      if (!provider || isCarried(cell)) continue;
      if (provider.reach === "everywhere" && !cell.wasFollowed) {
        // Another worker follows it. If none does, the scheduled sweep removes it.
        running.forget(cell.cellId);
        continue;
      }
      if (!isDue(cell)) continue;
      if (stopping || (await askRun(cell.workflowId, cell.runId))?.open !== false) continue;
      // A failed removal must not block the others.
      await remove(cell, provider).catch((error) =>
        log.error(
          { ...aboutCell(cell), error: String(error) },
          "a cell could not be removed; the next round tries again",
        ),
      );
    }
  };

  let stopping = false;
  const rounds = startRounds(
    () => round().catch((error) => log.error({ error: String(error) }, "a round of the janitor failed")),
    roundMilliseconds,
  );
  return {
    stop: () => {
      stopping = true;
      return rounds.stop();
    },
  };
}

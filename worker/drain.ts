/**
 * The graceful shutdown of a worker: it takes nothing new, running code may end, nothing is left.
 *
 * @module
 */
import { setTimeout as wait } from "node:timers/promises";
import type { Worker } from "@temporalio/worker";
import type { ActivityDependencies } from "#activities/dependencies";
import { aboutCell, type KnownCell } from "#activities/running-cells";
import type { Logger } from "#platform/host/logger";
import { settled } from "./opened-resources.ts";

/**
 * How long to wait for the clean-ups of runs that ended during the drain, in milliseconds. After that the worker cleans
 * up itself.
 */
const cleanUpMilliseconds = 3000;

/** The workers to drain, and the limits of the drain. */
interface Draining {
  /** The worker of the host's own queue is the last. */
  readonly workers: readonly Worker[];
  /** Settles when each worker has stopped. */
  readonly runs: readonly Promise<void>[];
  readonly dependencies: Pick<ActivityDependencies, "running" | "providers">;
  /** How long running code may continue, in milliseconds. */
  readonly drainMilliseconds: number;
  /** Resolves when no open workflow needs this worker, at the latest at the deadline. */
  readonly handOver: (deadline: number) => Promise<void>;
}

/** Drains workers and waits until all have ended. */
export async function drain(about: Draining): Promise<void> {
  const { workers, runs, dependencies, drainMilliseconds, handOver } = about;
  // Temporal's grace period starts when a worker shuts down, and the workers shut down one after another.
  const over = setTimeout(() => endCells(dependencies), drainMilliseconds);
  try {
    // Runs whose code is ended at the deadline still need their last workflow tasks.
    await handOver(Date.now() + drainMilliseconds + cleanUpMilliseconds);
    shutDown(workers.slice(0, -1));
    await Promise.allSettled(runs.slice(0, -1));
    // The host's own queue is last: clean-ups of cells that have just ended come through it if another worker continues
    // the workflows.
    await cleanedUp(dependencies);
    shutDown(workers);
    await Promise.allSettled(runs);
  } finally {
    clearTimeout(over);
  }
}

/** Whether a cell ends with this worker, because no other reaches it. */
const endsHere =
  (providers: ActivityDependencies["providers"]) =>
  ({ backend }: KnownCell): boolean =>
    providers[backend]?.reach === "host";

/** Stops the code that cannot outlive this worker. */
function endCells({ running, providers }: Draining["dependencies"]): void {
  for (const cell of running.all().filter(endsHere(providers))) {
    cell.running?.stop("worker-shutdown", "the worker was shut down while the code ran");
  }
}

/** Resolves when no cell is left, or when the clean-ups do not come in time. */
async function cleanedUp({ running, providers }: Draining["dependencies"]): Promise<void> {
  const deadline = Date.now() + cleanUpMilliseconds;
  while (running.all().some(endsHere(providers)) && Date.now() < deadline) await wait(50);
}

/** Removes the cells that are left after polling has stopped: those without a clean-up or without a follower. */
export async function removeCells({ running, providers }: Draining["dependencies"], log: Logger): Promise<void> {
  await Promise.all(
    running.all().map(async (cell) => {
      if (!endsHere(providers)(cell)) {
        // The code keeps running, and another worker continues to follow it.
        cell.running?.stop("handed-over", "the worker was shut down");
        await awaitEnd(cell, log);
        return;
      }
      cell.running?.stop("worker-shutdown", "the worker was shut down while the code ran");
      await awaitEnd(cell, log);
      const removed = providers[cell.backend]?.remove(cell.cellId).catch((error) => {
        log.error(
          { ...aboutCell(cell), error: String(error) },
          "a cell could not be removed; the next worker will remove it",
        );
      });
      if (removed) await settled(`removing the cell ${cell.cellId}`, removed, log);
    }),
  );
}

/**
 * Waits for the outcome of code that was told to stop, no longer than a step may take. A blocked outcome (such as an
 * unresponsive store) must not prevent the removal of the cell.
 */
export async function awaitEnd({ cellId, running }: KnownCell, log: Pick<Logger, "error">): Promise<void> {
  const outcome = running?.outcome.catch(() => {});
  if (outcome) await settled(`the end of the code of the cell ${cellId}`, outcome, log);
}

/** Shuts workers down. Those that are not running are left alone. */
export function shutDown(workers: readonly Worker[]): void {
  for (const worker of workers) if (worker.getState() === "RUNNING") worker.shutdown();
}

/**
 * How a worker ends in order: nothing new is taken, what runs may end, nothing is left.
 *
 * @module
 */
import { setTimeout as wait } from "node:timers/promises";
import type { Worker } from "@temporalio/worker";
import type { ActivityDependencies } from "#activities/dependencies";
import { aboutCell, type KnownCell } from "#activities/running-cells";
import type { Logger } from "./logging.ts";
import { settled } from "./settled.ts";

/** How long to wait for the clean-ups of runs that ended while the worker drained; after that it cleans up by itself. */
const cleanUpMilliseconds = 3000;

/** What is to be drained. */
interface Draining {
  /** The host's own queue's is the last. */
  readonly workers: readonly Worker[];
  /** What ends when each of them has. */
  readonly runs: readonly Promise<void>[];
  readonly dependencies: Pick<ActivityDependencies, "running" | "backends">;
  /** How long running code may go on. */
  readonly drainMilliseconds: number;
  /** Resolves when nobody needs this worker for workflows that are under way; at the deadline at the latest. */
  readonly handOver: (deadline: number) => Promise<void>;
}

/** Drains workers and waits until all have ended. */
export async function drain(about: Draining): Promise<void> {
  const { workers, runs, dependencies, drainMilliseconds, handOver } = about;
  // Temporal's own grace counts from the moment when a worker is shut down, and they are one after the other.
  const over = setTimeout(() => endCells(dependencies), drainMilliseconds);
  try {
    // Runs whose code is ended then still want their last workflow tasks.
    await handOver(Date.now() + drainMilliseconds + cleanUpMilliseconds);
    shutDown(workers.slice(0, -1));
    await Promise.allSettled(runs.slice(0, -1));
    // The host's own queue last: clean-ups of what has just ended come by it, if another worker carries the workflows on.
    await cleanedUp(dependencies);
    shutDown(workers);
    await Promise.allSettled(runs);
  } finally {
    clearTimeout(over);
  }
}

const isHostBound =
  (backends: ActivityDependencies["backends"]) =>
  ({ backend }: KnownCell): boolean =>
    backends[backend]?.hostBound === true;

/** Ends the code that dies with this worker anyway. */
function endCells({ running, backends }: Draining["dependencies"]): void {
  for (const cell of running.all().filter(isHostBound(backends))) {
    cell.running?.stop("worker-shutdown", "the worker was shut down while the code ran");
  }
}

/** Resolves when no cell is left, or when their clean-ups do not come. */
async function cleanedUp({ running, backends }: Draining["dependencies"]): Promise<void> {
  const deadline = Date.now() + cleanUpMilliseconds;
  while (running.all().some(isHostBound(backends)) && Date.now() < deadline) await wait(50);
}

/** Takes away what is left when nothing is polled any more: cells whose clean-up could not be taken, or that nobody follows. */
export async function removeCells({ running, backends }: Draining["dependencies"], log: Logger): Promise<void> {
  await Promise.all(
    running.all().map(async (cell) => {
      if (backends[cell.backend]?.cluster) {
        // It runs on, and another worker goes on with it.
        cell.running?.stop("handed-over", "the worker was shut down");
        await awaitEnd(cell, log);
        return;
      }
      cell.running?.stop("worker-shutdown", "the worker was shut down while the code ran");
      await awaitEnd(cell, log);
      const removed = backends[cell.backend]?.cleanUp(cell.cellId).catch((error) => {
        log.error({ ...aboutCell(cell), error: String(error) }, "a cell could not be removed; the next worker will");
      });
      if (removed) await settled(`removing the cell ${cell.cellId}`, removed, log);
    }),
  );
}

/**
 * Waits for the outcome of code that was told to end, no longer than a step may take: what it hangs on, such as a store that does
 * not answer, must keep nobody from removing the cell.
 */
export async function awaitEnd({ cellId, running }: KnownCell, log: Pick<Logger, "error">): Promise<void> {
  const outcome = running?.outcome.catch(() => {});
  if (outcome) await settled(`the end of the code of the cell ${cellId}`, outcome, log);
}

/** Tells workers to end; one that has been told, or has failed, is left alone. */
export function shutDown(workers: readonly Worker[]): void {
  for (const worker of workers) if (worker.getState() === "RUNNING") worker.shutdown();
}

/**
 * What the server knows of a worker. A client that looks at a queue before the worker is listed takes the queue for unserved, and
 * `set-current-version` refuses a version to which the server does not count all queues yet.
 *
 * @module
 */
import { setTimeout as wait } from "node:timers/promises";
import { answerMilliseconds, isPolling } from "#platform/temporal/task-queue";
import type { WorkerConnections } from "./connect.ts";
import { type DeploymentVersion, missingTaskQueues } from "./deployment.ts";

/** The parts of a worker that the server does not list at a moment, in words; undefined where it lists all. */
export type Listing = (deadline?: number) => Promise<string | undefined>;

/** Asks whether the server lists a worker among a queue's pollers and, where it has a version, counts all of its queues to that version. */
export function createListing(
  connections: WorkerConnections,
  taskQueue: string,
  identity: string,
  version: DeploymentVersion | undefined,
): Listing {
  // A version keeps the queues that it once had: they are asked for until all are there.
  let whole = version === undefined;
  return async (deadline = Date.now() + answerMilliseconds) => {
    if (!(await isPolling(connections, taskQueue, identity, deadline))) {
      return `the server does not list this worker among the pollers of ${taskQueue}`;
    }
    if (whole || !version) return undefined;
    const missing = await missingTaskQueues(connections, taskQueue, version, deadline);
    whole = missing.length === 0;
    const { deploymentName, buildId } = version;
    return whole ? undefined : `the server does not count ${missing.join(", ")} to ${deploymentName}:${buildId} yet`;
  };
}

const pauseMilliseconds = 20;

/**
 * Waits until the server lists a worker.
 *
 * @returns what it did not list in time; undefined where all is listed
 */
export async function awaitListing(listing: Listing, timeoutMilliseconds = 10_000): Promise<string | undefined> {
  const deadline = Date.now() + timeoutMilliseconds;
  for (;;) {
    const missing = await listing(deadline);
    if (missing === undefined || Date.now() >= deadline) return missing;
    await wait(pauseMilliseconds);
  }
}

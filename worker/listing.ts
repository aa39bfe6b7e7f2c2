/**
 * A worker's state on the server. A client that checks a queue before the worker is listed finds it unserved.
 * `set-current-version` rejects a version until the server lists all its queues.
 *
 * @module
 */
import { createBackoff } from "#platform/host/backoff";
import { answerMilliseconds, isPolling } from "#platform/temporal/task-queue";
import type { WorkerConnections } from "./connect.ts";
import { type DeploymentVersion, missingTaskQueues } from "./deployment.ts";

/** Describes what the server does not list yet; undefined if it lists everything. */
export type Listing = (deadline?: number) => Promise<string | undefined>;

/**
 * Checks that the server lists a worker among a queue's pollers and, for a worker with a version, all queues of that
 * version.
 */
export function createListing(
  connections: WorkerConnections,
  taskQueue: string,
  identity: string,
  version: DeploymentVersion | undefined,
): Listing {
  // The server keeps listing a version's queues, so check only until all are listed.
  let whole = version === undefined;
  return async (deadline = Date.now() + answerMilliseconds) => {
    if (!(await isPolling(connections, taskQueue, identity, deadline))) {
      return `the server does not list this worker among the pollers of ${taskQueue}`;
    }
    if (whole || !version) return undefined;
    const missing = await missingTaskQueues(connections, taskQueue, version, deadline);
    whole = missing.length === 0;
    const { deploymentName, buildId } = version;
    return whole ? undefined : `the server does not list ${missing.join(", ")} for ${deploymentName}:${buildId} yet`;
  };
}

/**
 * Waits until the server lists a worker. The server limits how often a version may be described, for all of its workers
 * together, so the pauses grow.
 *
 * @returns what the server did not list in time; undefined if it lists everything
 */
export async function awaitListing(listing: Listing, timeoutMilliseconds = 10_000): Promise<string | undefined> {
  const deadline = Date.now() + timeoutMilliseconds;
  const backoff = createBackoff({ first: 20, longest: 500, factor: 1.5 });
  for (;;) {
    // The server may be busy, or have had too many requests.
    const missing = await listing(deadline).catch(
      (error) => `cannot ask whether the server lists this worker: ${error}`,
    );
    if (missing === undefined || Date.now() >= deadline) return missing;
    await backoff.pause();
  }
}

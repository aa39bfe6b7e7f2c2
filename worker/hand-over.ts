/**
 * What an operator has to do so that the runs of a version go on.
 *
 * @module
 */
import type { Client } from "@temporalio/client";
import type { Logger } from "#platform/host/logger";
import type { WorkerConnections } from "./connect.ts";
import { awaitOwnRuns, type DeploymentVersion, moveOnCommand, takesNewRuns } from "./deployment.ts";

/** Logs a warning if a worker with a version gets no new runs, because its version must be made the current one. */
export async function warnIfPassive(
  connections: WorkerConnections,
  taskQueue: string,
  version: DeploymentVersion | undefined,
  log: Logger,
): Promise<void> {
  if (!version || (await takesNewRuns(connections, taskQueue, version))) return;
  const { deploymentName, buildId } = version;
  const command = `temporal worker deployment set-current-version --deployment-name ${deploymentName} --build-id ${buildId}`;
  log.warn({ ...version, command }, "this version is not the current version, so it gets no new runs");
}

/**
 * Waits for the open runs of a version that gets no new ones. Logs a warning if some are open at the deadline. Never
 * rejects.
 */
export async function handOver(
  about: { connections: WorkerConnections; client: Client; taskQueue: string; version: DeploymentVersion; log: Logger },
  deadline: number,
): Promise<void> {
  const { taskQueue, version, log } = about;
  const open = await awaitOwnRuns(about, deadline).catch((error) => {
    log.warn({ error: String(error) }, "cannot ask whether runs of this version are open");
    return 0;
  });
  if (open === 0) return;
  const command = moveOnCommand(taskQueue, version);
  log.warn(
    { ...version, open, command },
    "runs of this version are still open; they wait for another worker of this version, or to be moved to the current version",
  );
}

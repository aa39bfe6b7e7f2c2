/**
 * Worker Versioning. A version gets new runs while it is its deployment's current version. A run stays with the version
 * that started it.
 *
 * @module
 */

import { setTimeout as wait } from "node:timers/promises";
import { type Client, isGrpcServiceError } from "@temporalio/client";
import type { WorkerOptions } from "@temporalio/worker";
import { KgentsError } from "#core/contract/error";
import { clusterWaitingTaskQueue, waitingTaskQueue } from "#core/contract/names";
import type { Logger } from "#platform/host/logger";
import { grpcStatus } from "#platform/temporal/grpc-status";
import { describeTaskQueue } from "#platform/temporal/task-queue";
import { activityTaskQueueType, workflowTaskQueueType } from "#platform/temporal/temporal-enums";
import { quoted } from "#platform/temporal/visibility-query";
import type { WorkerConnections } from "./connect.ts";

/** A version of a worker deployment. */
export interface DeploymentVersion {
  readonly deploymentName: string;
  readonly buildId: string;
}

const isSame = (one: DeploymentVersion, other: Partial<Record<keyof DeploymentVersion, string | null>>): boolean =>
  one.deploymentName === other.deploymentName && one.buildId === other.buildId;

/**
 * The version that the flags name; undefined if they name none.
 *
 * @throws KgentsError `invalid-request` if one of the two is missing
 */
export function deploymentVersion(flags: { deployment?: string; buildId?: string }): DeploymentVersion | undefined {
  const { deployment, buildId } = flags;
  if (deployment !== undefined && buildId !== undefined) return { deploymentName: deployment, buildId };
  if (deployment === undefined && buildId === undefined) return undefined;
  const [given, missing] = deployment === undefined ? ["--build-id", "--deployment"] : ["--deployment", "--build-id"];
  throw new KgentsError(
    "invalid-request",
    `${missing}: got nothing, but ${given} ${deployment ?? buildId}; allowed are both, or neither for a worker without a version`,
    { field: missing },
  );
}

/** The options of the workers that belong to a version. */
export const versioned = (version: DeploymentVersion | undefined): Pick<WorkerOptions, "workerDeploymentOptions"> =>
  version === undefined
    ? {}
    : { workerDeploymentOptions: { version, useWorkerVersioning: true, defaultVersioningBehavior: "PINNED" } };

/**
 * The queues that a worker with a version polls but that the server does not list for the version yet. The server lists
 * them some time after the first poll.
 */
export async function missingTaskQueues(
  { client, namespace }: WorkerConnections,
  taskQueue: string,
  version: DeploymentVersion,
  deadline: number,
): Promise<string[]> {
  const polled: [name: string, type: number][] = [
    [taskQueue, workflowTaskQueueType],
    [taskQueue, activityTaskQueueType],
    [waitingTaskQueue(taskQueue), activityTaskQueueType],
    [clusterWaitingTaskQueue(taskQueue), activityTaskQueueType],
  ];
  const counted = await client
    .withDeadline(deadline, () =>
      client.workflowService.describeWorkerDeploymentVersion({ namespace, deploymentVersion: version }),
    )
    .then(({ versionTaskQueues }) => versionTaskQueues)
    .catch((error) => {
      // No poll has created the version yet.
      if (isGrpcServiceError(error) && error.code === grpcStatus.notFound) return [];
      throw error;
    });
  const isCounted = (name: string, type: number) =>
    counted.some((queue) => queue.name === name && Number(queue.type) === type);
  return polled.filter(([name, type]) => !isCounted(name, type)).map(([name]) => name);
}

/** Whether a version gets new runs of the queue: all of them, or a share during its ramp. */
export async function takesNewRuns(
  connections: WorkerConnections,
  taskQueue: string,
  version: DeploymentVersion,
): Promise<boolean> {
  const { versioningInfo } = await describeTaskQueue(connections, taskQueue, Date.now() + 5000);
  const { currentDeploymentVersion, rampingDeploymentVersion } = versioningInfo ?? {};
  return [currentDeploymentVersion, rampingDeploymentVersion].some((taking) => taking && isSame(version, taking));
}

/** The visibility query for the open runs of a version. */
function openRuns(taskQueue: string, { deploymentName, buildId }: DeploymentVersion): string {
  const version = quoted(`${deploymentName}:${buildId}`);
  return `TemporalWorkerDeploymentVersion = ${version} AND TaskQueue = ${quoted(taskQueue)} AND ExecutionStatus = 'Running'`;
}

/** The command that moves the open runs of a version to the current one. */
export const moveOnCommand = (taskQueue: string, version: DeploymentVersion): string =>
  `temporal workflow update-options --versioning-override-behavior auto_upgrade --query "${openRuns(taskQueue, version)}"`;

const askMilliseconds = 500;
/** Visibility lags behind. No run may be open for this long, in milliseconds, before the result counts. */
const settleMilliseconds = 3000;

/**
 * Waits until a version that gets no new runs has no open ones. Without a worker of their version, open runs could not
 * continue. Returns at once if the version gets new runs, because it is then expected to return.
 *
 * @returns how many runs were still open at the deadline
 */
export async function awaitOwnRuns(
  about: { connections: WorkerConnections; client: Client; taskQueue: string; version: DeploymentVersion; log: Logger },
  deadline: number,
): Promise<number> {
  const { connections, client, taskQueue, version, log } = about;
  if (await takesNewRuns(connections, taskQueue, version)) return 0;
  const query = openRuns(taskQueue, version);
  let noneSince: number | undefined;
  let told = false;
  for (;;) {
    const { count } = await client.withDeadline(Date.now() + 5000, () => client.workflow.count(query));
    if (count > 0) {
      if (!told) log.info({ open: count }, "waiting for the runs of this version to end");
      told = true;
      noneSince = undefined;
    } else {
      noneSince ??= Date.now();
    }
    if (noneSince !== undefined && Date.now() - noneSince >= settleMilliseconds) return 0;
    if (Date.now() >= deadline) return count;
    await wait(askMilliseconds);
  }
}

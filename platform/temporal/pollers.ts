/**
 * Asks a server by gRPC which workers serve a task queue.
 *
 * @module
 */
import type { ConnectionLike } from "@temporalio/client";
import type { TemporalTarget } from "./address.ts";
import { toMilliseconds } from "./protobuf-time.ts";
import { type QueueState, queueStateOf } from "./queue-state.ts";
import { versionedMode, workflowTaskQueueType } from "./temporal-enums.ts";
import { temporalUnavailable } from "./temporal-unavailable.ts";

/**
 * Reads a server's version and the workers of a queue.
 *
 * @throws KgentsError `temporal-unavailable`
 */
export async function queueState(
  target: TemporalTarget,
  taskQueue: string,
  timeoutMilliseconds: number,
): Promise<QueueState> {
  // Loaded on demand: it takes a quarter of a second, which commands that find everything running can avoid.
  const { openConnection } = await import("./open-connection.ts");
  const { connectionOptions, address, namespace } = target;
  try {
    const connection = await openConnection({ ...connectionOptions, address, connectTimeout: timeoutMilliseconds });
    try {
      return await queueStateOn(connection, namespace, taskQueue, timeoutMilliseconds);
    } finally {
      await connection.close();
    }
  } catch (error) {
    throw await temporalUnavailable({ address, namespace, tls: connectionOptions.tls }, error);
  }
}

/** As {@link queueState}, on an existing connection. Fails with gRPC's errors. */
export async function queueStateOn(
  connection: ConnectionLike,
  namespace: string,
  taskQueue: string,
  timeoutMilliseconds: number,
): Promise<QueueState> {
  const { workflowService } = connection;
  const [system, queue] = await connection.withDeadline(Date.now() + timeoutMilliseconds, () =>
    Promise.all([
      workflowService.getSystemInfo({}),
      workflowService.describeTaskQueue({
        namespace,
        taskQueue: { name: taskQueue },
        taskQueueType: workflowTaskQueueType,
      }),
    ]),
  );
  return queueStateOf({
    serverVersion: system.serverVersion,
    pollers: (queue.pollers ?? []).map(({ identity, lastAccessTime, deploymentOptions }) => ({
      identity,
      lastAccess: new Date(toMilliseconds(lastAccessTime)),
      version: deploymentOptions?.workerVersioningMode === versionedMode ? deploymentOptions : undefined,
    })),
    current: queue.versioningInfo?.currentDeploymentVersion,
    ramping: queue.versioningInfo?.rampingDeploymentVersion,
  });
}

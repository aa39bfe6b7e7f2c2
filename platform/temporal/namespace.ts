import { setTimeout as delay } from "node:timers/promises";
import { type ConnectionLike, isGrpcServiceError } from "@temporalio/client";
import { grpcStatus } from "./grpc-status.ts";
import { openConnection } from "./open-connection.ts";
import { toProtobufTime } from "./protobuf-time.ts";
import { workflowTaskQueueType } from "./temporal-enums.ts";

/** How long to wait for the namespace once the server answers, in milliseconds. */
const namespaceMilliseconds = 10_000;

/**
 * Ensures that a namespace of our own server exists and has the given retention. The server creates the namespace
 * `default` itself, shortly after its first response.
 */
export async function prepareNamespace(
  address: string,
  namespace: string,
  retentionMilliseconds: number,
): Promise<void> {
  const connection = await openConnection({ address });
  const { workflowService } = connection;
  const retention = toProtobufTime(retentionMilliseconds);
  const deadline = performance.now() + namespaceMilliseconds;
  try {
    for (;;) {
      try {
        await workflowService.updateNamespace({ namespace, config: { workflowExecutionRetentionTtl: retention } });
        return;
      } catch (error) {
        const code = isGrpcServiceError(error) ? error.code : undefined;
        if (performance.now() > deadline || (code !== grpcStatus.notFound && code !== grpcStatus.unavailable))
          throw error;
        if (code === grpcStatus.notFound && namespace !== "default") {
          await workflowService.registerNamespace({ namespace, workflowExecutionRetentionPeriod: retention });
          // The frontend finds the namespace at once. The services that start runs learn of it a little later.
          await untilUsable(connection, namespace, deadline);
          return;
        }
        await delay(10);
      }
    }
  } finally {
    await connection.close();
  }
}

/** Waits until a new namespace can be used to start runs. @param deadline by `performance.now()` */
export async function untilUsable(
  { workflowService }: ConnectionLike,
  namespace: string,
  deadline: number,
): Promise<void> {
  for (;;) {
    try {
      await workflowService.describeTaskQueue({
        namespace,
        taskQueue: { name: "kgents" },
        taskQueueType: workflowTaskQueueType,
      });
      return;
    } catch (error) {
      if (!isGrpcServiceError(error) || error.code !== grpcStatus.notFound || performance.now() > deadline) throw error;
      await delay(50);
    }
  }
}

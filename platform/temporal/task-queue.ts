import type { Connection } from "@temporalio/client";
import { workflowTaskQueueType } from "./temporal-enums.ts";

/** A connection and a namespace. */
interface Asked {
  readonly client: Connection;
  readonly namespace: string;
}

/** Deadline in milliseconds for requests that a probe waits for. A kubelet's default timeout is one second. */
export const answerMilliseconds = 900;

/** Describes a workflow task queue: its pollers, and the version whose workers take new runs. */
export const describeTaskQueue = (
  { client, namespace }: Asked,
  taskQueue: string,
  deadline: number = Date.now() + answerMilliseconds,
) =>
  client.withDeadline(deadline, () =>
    client.workflowService.describeTaskQueue({
      namespace,
      taskQueue: { name: taskQueue },
      taskQueueType: workflowTaskQueueType,
    }),
  );

/** Whether the server lists a worker among the pollers of a queue. */
export async function isPolling(
  connections: Asked,
  taskQueue: string,
  identity: string,
  deadline?: number,
): Promise<boolean> {
  const { pollers } = await describeTaskQueue(connections, taskQueue, deadline);
  return pollers?.some((poller) => poller.identity === identity) ?? false;
}

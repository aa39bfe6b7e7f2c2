import type { Connection } from "@temporalio/client";
import { workflowTaskQueueType } from "./temporal-enums.ts";

/** A connection, and the namespace that is asked. */
interface Asked {
  readonly client: Connection;
  readonly namespace: string;
}

/** How long a question may take whose answer a probe waits for: a kubelet waits for one second, unless it is told otherwise. */
export const answerMilliseconds = 900;

/** What the server says of a task queue of workflows: who polls it, and which version's workers take new runs. */
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

/** Whether the server has noted that a worker polls. */
export async function isPolling(
  connections: Asked,
  taskQueue: string,
  identity: string,
  deadline?: number,
): Promise<boolean> {
  const { pollers } = await describeTaskQueue(connections, taskQueue, deadline);
  return pollers?.some((poller) => poller.identity === identity) ?? false;
}

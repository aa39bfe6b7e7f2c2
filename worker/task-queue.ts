import { setTimeout as wait } from "node:timers/promises";
import { workflowTaskQueueType } from "../core/temporal-enums.ts";
import type { WorkerConnections } from "./connect.ts";

const pauseMilliseconds = 20;
/** A kubelet waits for one second, unless it is told otherwise. */
const answerMilliseconds = 900;

/** What the server says of a task queue of workflows: who polls it, and which version's workers take new runs. */
export const describeTaskQueue = (
  { client, namespace }: WorkerConnections,
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
  connections: WorkerConnections,
  taskQueue: string,
  identity: string,
  deadline?: number,
): Promise<boolean> {
  const { pollers } = await describeTaskQueue(connections, taskQueue, deadline);
  return pollers?.some((poller) => poller.identity === identity) ?? false;
}

/**
 * Waits until the server has noted that a worker polls: a client that looks at the queue before that would take it for
 * unserved, and start a worker of its own.
 *
 * @returns whether it was seen in time
 */
export async function awaitPolling(
  connections: WorkerConnections,
  taskQueue: string,
  identity: string,
  timeoutMilliseconds = 10_000,
): Promise<boolean> {
  const deadline = Date.now() + timeoutMilliseconds;
  for (;;) {
    if (await isPolling(connections, taskQueue, identity, deadline)) return true;
    if (Date.now() >= deadline) return false;
    await wait(pauseMilliseconds);
  }
}

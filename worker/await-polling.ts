import { setTimeout as wait } from "node:timers/promises";
import { workflowTaskQueueType } from "../core/temporal-enums.ts";
import type { WorkerConnections } from "./connect.ts";

const pauseMilliseconds = 20;

/**
 * Waits until the server has noted that a worker polls: a client that looks at the queue before that would take it for
 * unserved, and start a worker of its own.
 *
 * @returns whether it was seen in time
 */
export async function awaitPolling(
  { client, namespace }: WorkerConnections,
  taskQueue: string,
  identity: string,
  timeoutMilliseconds = 10_000,
): Promise<boolean> {
  const deadline = Date.now() + timeoutMilliseconds;
  for (;;) {
    const { pollers } = await client.withDeadline(deadline, () =>
      client.workflowService.describeTaskQueue({
        namespace,
        taskQueue: { name: taskQueue },
        taskQueueType: workflowTaskQueueType,
      }),
    );
    if (pollers?.some((poller) => poller.identity === identity)) return true;
    if (Date.now() >= deadline) return false;
    await wait(pauseMilliseconds);
  }
}

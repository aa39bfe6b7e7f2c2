import type { Client } from "@temporalio/client";
import { storeOfIdentity } from "../core/names.ts";

/** `TASK_QUEUE_TYPE_WORKFLOW` of Temporal's API. */
const workflowQueue = 1;

/** A worker that polled the queue within the last minutes. */
export interface Poller {
  readonly identity: string;
  /** The artifact store it uses; undefined where it is no worker of ours. */
  readonly store: string | undefined;
}

/** Who polls a task queue. Temporal keeps a poller that went away in this list for up to five minutes. */
export async function pollersOf(client: Client, taskQueue: string): Promise<Poller[]> {
  const { pollers } = await client.workflowService.describeTaskQueue({
    namespace: client.options.namespace,
    taskQueue: { name: taskQueue },
    taskQueueType: workflowQueue,
  });
  return (pollers ?? []).map(({ identity }) => ({
    identity: identity ?? "",
    store: storeOfIdentity(identity ?? ""),
  }));
}

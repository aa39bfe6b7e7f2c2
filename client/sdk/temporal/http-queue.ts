import type { HttpApi } from "#platform/temporal/http-api";
import { type QueueAnswer, queueStateOf } from "#platform/temporal/queue-state";
import type { HttpCalls } from "./http-calls.ts";
import type { RunService } from "./run-service.ts";

interface HttpVersion {
  readonly deploymentName?: string;
  readonly buildId?: string;
}

interface HttpTaskQueue {
  readonly pollers?: readonly {
    readonly identity?: string;
    readonly lastAccessTime?: string;
    readonly deploymentOptions?: HttpVersion & { readonly workerVersioningMode?: string };
  }[];
  readonly versioningInfo?: {
    readonly currentDeploymentVersion?: HttpVersion;
    readonly rampingDeploymentVersion?: HttpVersion;
  };
}

const answerOf = (serverVersion: string | undefined, { pollers = [], versioningInfo }: HttpTaskQueue): QueueAnswer => ({
  serverVersion,
  pollers: pollers.map(({ identity, lastAccessTime, deploymentOptions }) => ({
    identity,
    lastAccess: new Date(lastAccessTime ?? 0),
    version:
      deploymentOptions?.workerVersioningMode === "WORKER_VERSIONING_MODE_VERSIONED" ? deploymentOptions : undefined,
  })),
  current: versioningInfo?.currentDeploymentVersion,
  ramping: versioningInfo?.rampingDeploymentVersion,
});

/** The server's version. */
export const serverVersionBy = async (api: HttpApi, milliseconds: number): Promise<string | undefined> =>
  (await api.call<{ serverVersion?: string }>({ method: "GET", path: ["system-info"], milliseconds })).serverVersion;

/** Asks by HTTP for the workers of a task queue. */
export const queueStateBy =
  (api: HttpApi, { get }: HttpCalls): RunService["queueState"] =>
  async (taskQueue, milliseconds) => {
    const query = { taskQueueType: "TASK_QUEUE_TYPE_WORKFLOW" };
    const [version, queue] = await Promise.all([
      serverVersionBy(api, milliseconds),
      get<HttpTaskQueue>(["task-queues", taskQueue], { query, milliseconds }),
    ]);
    return queueStateOf(answerOf(version, queue));
  };

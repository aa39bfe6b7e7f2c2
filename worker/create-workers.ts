import { fileURLToPath } from "node:url";
import { Worker, type WorkerOptions } from "@temporalio/worker";
import type { ActivityDependencies } from "#activities/dependencies";
import { createActivities } from "#activities/index";
import type { Configuration } from "#core/configuration/configuration";
import { clusterWaitingTaskQueue, waitingTaskQueue } from "#core/contract/names";
import type { Tracing } from "#platform/tracing/tracing";
import type { WorkerConnections } from "./connect.ts";
import { versioned } from "./deployment.ts";
import { activityInterceptors, workflowSinks } from "./interceptors.ts";
import type { WorkerSettings } from "./worker-settings.ts";

/** Places in the shared queue's worker for all that is no code: provisioning that does not wait, clean-ups, removals of finished Jobs. */
const shortActivities = 100;

const builtBundle = fileURLToPath(new URL("./workflow-bundle.js", import.meta.url));

/** How many runs wait here and not in Temporal's queue. Few, because another worker that has a place meanwhile cannot take them. */
const waitingHere = 2;

/** What all workers of a process share: each number with its reason. */
const tuning = (drainMilliseconds: number) =>
  ({
    // A cancellation is heard of in the answer to a heartbeat; Temporal's default lets up to 60 s pass between two.
    maxHeartbeatThrottleInterval: "250ms",
    defaultHeartbeatThrottleInterval: "250ms",
    shutdownGraceTime: drainMilliseconds,
    // Killing and collecting after the grace: the drain of 64 MiB of output, and some.
    shutdownForceTime: drainMilliseconds + 30_000,
  }) satisfies Partial<WorkerOptions>;

/**
 * Creates the workers of a process, which share one set of activities:
 *
 * - on the shared queue, for the workflows and all that any worker can do, or the nearest one;
 * - on the two waiting queues, for runs that found no place among the sandboxes or in the cluster. A worker without a cluster polls the second as well,
 *   and says of those that come by it what it says of any that need a cluster;
 * - last, on the host's own queue, for cells that live here. It belongs to no version: it is this process's alone, a version may have 100 queues
 *   at most, and one that goes away with its host would stand in the way of the next version.
 */
export async function createWorkers(
  dependencies: ActivityDependencies,
  { native, namespace }: WorkerConnections,
  identity: string,
  settings: WorkerSettings,
  policy: Configuration["worker"],
  tracing: Tracing | undefined,
): Promise<Worker[]> {
  const activities = createActivities(dependencies);
  const interceptors = { activity: [activityInterceptors(tracing)] };
  const shared = {
    ...{ connection: native, namespace, identity, activities, interceptors },
    ...tuning(settings.drainMilliseconds),
  };
  const waiting = {
    ...shared,
    ...versioned(settings.version),
    // As many as may start in a second where all come by these queues.
    maxConcurrentActivityTaskExecutions: Math.max(waitingHere, policy.maximumStartsPerSecond ?? 0),
    ...(policy.maximumStartsPerSecond === undefined
      ? {}
      : { maxTaskQueueActivitiesPerSecond: policy.maximumStartsPerSecond }),
    activityTaskPollerBehavior: { type: "simple-maximum", maximum: 1 },
  } as const;
  return Promise.all([
    Worker.create({
      ...shared,
      ...versioned(settings.version),
      taskQueue: policy.taskQueue,
      sinks: workflowSinks(tracing),
      workflowBundle: { codePath: settings.bundlePath ?? builtBundle },
      // About 1 MB each; a run that fell out of the cache is replayed from its history, which is short.
      maxCachedWorkflows: 500,
      // Nothing waits here: a provision that finds no place says so, and all code that this worker may have begun has its slot beside those of
      // short activities. Cells that a dead worker followed come on top; where they find no slot, another worker takes them.
      maxConcurrentActivityTaskExecutions: policy.maximumCells + policy.kubernetes.maximumCells + shortActivities,
      workflowTaskPollerBehavior: { type: "autoscaling", initial: 5, maximum: 20 },
      activityTaskPollerBehavior: { type: "autoscaling", initial: 5, maximum: 20 },
    }),
    Worker.create({ ...waiting, taskQueue: waitingTaskQueue(policy.taskQueue) }),
    Worker.create({ ...waiting, taskQueue: clusterWaitingTaskQueue(policy.taskQueue) }),
    Worker.create({
      ...shared,
      taskQueue: dependencies.hostTaskQueue,
      // Every cell was given its place at provisioning, so a task of this queue never waits for a slot: the pick-up time-out
      // of the workflow then means a dead host and nothing else. The rest is for clean-ups.
      maxConcurrentActivityTaskExecutions: policy.maximumCells + 100,
      activityTaskPollerBehavior: { type: "autoscaling", initial: 3, maximum: 20 },
    }),
  ]);
}

import { Worker, type WorkerOptions } from "@temporalio/worker";
import type { ActivityDependencies } from "#activities/dependencies";
import { createActivities } from "#activities/index";
import type { Configuration } from "#core/configuration/configuration";
import { clusterWaitingTaskQueue, waitingTaskQueue } from "#core/contract/names";
import { packageFile } from "#platform/host/package-files";
import type { Tracing } from "#platform/tracing/tracing";
import type { WorkerConnections } from "./connect.ts";
import { versioned } from "./deployment.ts";
import { activityInterceptors, workflowSinks } from "./interceptors.ts";
import type { WorkerSettings } from "./worker-settings.ts";

/**
 * Slots of the shared queue's worker for activities that do not run code: provisioning that does not wait, clean-ups,
 * removals of finished Jobs.
 */
const shortActivities = 100;

const builtBundle = packageFile("dist/worker/workflow-bundle.js");

/**
 * How many runs wait in this worker rather than in Temporal's queue. Few, because another worker with a free place
 * cannot take them.
 */
const waitingHere = 2;

/** Options that all workers of a process share. */
const tuning = (drainMilliseconds: number) =>
  ({
    // A cancellation arrives with the response to a heartbeat. By default, the SDK sends heartbeats up to 60 s apart.
    maxHeartbeatThrottleInterval: "250ms",
    defaultHeartbeatThrottleInterval: "250ms",
    shutdownGraceTime: drainMilliseconds,
    // Time to kill code and collect its output after the grace period: 64 MiB of output, with a margin.
    shutdownForceTime: drainMilliseconds + 30_000,
  }) satisfies Partial<WorkerOptions>;

/**
 * Creates the workers of a process, which share one set of activities:
 *
 * - on the shared queue, for workflows and for activities that any worker can do;
 * - on the two waiting queues, for runs that found no free place in the sandbox or in the cluster. A worker without a
 *   cluster polls both, and handles runs that need a cluster as it does on the shared queue;
 * - last, on the host's own queue, for cells on this host. It has no version: it belongs to this process alone, a
 *   version may have at most 100 queues, and a queue that disappears with its host would block the next version.
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
    connection: native,
    namespace,
    identity,
    activities,
    interceptors,
    ...tuning(settings.drainMilliseconds),
  };
  const waiting = {
    ...shared,
    ...versioned(settings.version),
    // Enough for all starts of a second to come through these queues.
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
      // About 1 MB each. An evicted run is replayed from its history, which is short.
      maxCachedWorkflows: 500,
      // Nothing waits here: a provision that finds no place returns at once. All code that this worker has started has
      // its slot, beside those of short activities. Cells taken over from a dead worker are extra. If they find no
      // slot, another worker takes them.
      maxConcurrentActivityTaskExecutions: policy.maximumCells + policy.kubernetes.maximumCells + shortActivities,
      workflowTaskPollerBehavior: { type: "autoscaling", initial: 5, maximum: 20 },
      activityTaskPollerBehavior: { type: "autoscaling", initial: 5, maximum: 20 },
    }),
    Worker.create({ ...waiting, taskQueue: waitingTaskQueue(policy.taskQueue) }),
    Worker.create({ ...waiting, taskQueue: clusterWaitingTaskQueue(policy.taskQueue) }),
    Worker.create({
      ...shared,
      taskQueue: dependencies.hostTaskQueue,
      // Every cell got its place at provisioning, so a task of this queue never waits for a slot. The workflow's
      // schedule-to-start timeout therefore always means a dead host. The rest is for clean-ups.
      maxConcurrentActivityTaskExecutions: policy.maximumCells + 100,
      activityTaskPollerBehavior: { type: "autoscaling", initial: 3, maximum: 20 },
    }),
  ]);
}

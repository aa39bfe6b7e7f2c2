import { createHash } from "node:crypto";
import { hostname } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Client, isGrpcServiceError, WorkflowNotFoundError } from "@temporalio/client";
import { Worker, type WorkerOptions } from "@temporalio/worker";
import type { Backend } from "../activities/backends/backend.ts";
import { createSubprocessBackend } from "../activities/backends/subprocess/backend.ts";
import { createCellLimiter } from "../activities/cell-limiter.ts";
import type { ActivityDependencies } from "../activities/dependencies.ts";
import type { Paths } from "../activities/host/paths.ts";
import { claimSlot } from "../activities/host/process-lock.ts";
import { createActivities } from "../activities/index.ts";
import { createRunningCells } from "../activities/running-cells.ts";
import { openArtifactStore } from "../activities/store/artifact-store.ts";
import { type Configuration, mergeLanguages } from "../core/configuration.ts";
import { KgentsError } from "../core/error.ts";
import { builtInLanguages } from "../core/language.ts";
import { hostLabel, hostTaskQueue, workerIdentity } from "../core/names.ts";
import type { BackendName } from "../core/result.ts";
import { connectWorker, type WorkerConnections } from "./connect.ts";
import { startExpiry } from "./expiry.ts";
import { type IsRunOpen, startJanitor } from "./janitor.ts";
import type { Logger } from "./logging.ts";
import { ensureSearchAttributes } from "./search-attributes.ts";

/** How a worker is started. */
export interface WorkerSettings {
  readonly configuration: Configuration;
  readonly paths: Paths;
  readonly log: Logger;
  /** Temporal's address; by default the standard variables and profiles say. */
  readonly address?: string | undefined;
  readonly namespace?: string | undefined;
  /** How long running code may go on after the worker was told to stop, in milliseconds. */
  readonly drainMilliseconds: number;
  /** Called when the worker polls. */
  readonly onReady?: (about: { taskQueue: string; hostTaskQueue: string; identity: string }) => Promise<void> | void;
  /** Called when the number of cells that exist or wait changes. */
  readonly onActivity?: (activeRuns: number) => void;
  /** The workflow bundle. @default the one that the build put beside this file */
  readonly bundlePath?: string;
  /** More backends, for tests of the workflow's own behaviour. */
  readonly backends?: Partial<Record<BackendName, Backend>>;
}

/** A worker that runs. */
export interface RunningWorker {
  /** Drains and stops; resolves when all is ended. */
  readonly stop: () => Promise<void>;
  /** Rejects when the worker fails; resolves when it has stopped. */
  readonly stopped: Promise<void>;
}

const builtBundle = fileURLToPath(new URL("./workflow-bundle.js", import.meta.url));

/** What both workers of a process share: each number with its reason. */
const tuning = (drainMilliseconds: number) =>
  ({
    // A cancellation is heard of in the answer to a heartbeat; Temporal's default lets up to 60 s pass between two.
    maxHeartbeatThrottleInterval: "250ms",
    defaultHeartbeatThrottleInterval: "250ms",
    shutdownGraceTime: drainMilliseconds,
    // Killing and collecting after the grace: the drain of 64 MiB of output, and some.
    shutdownForceTime: drainMilliseconds + 30_000,
  }) satisfies Partial<WorkerOptions>;

/** The id of this host among the workers that share a Temporal server: stable when its worker is restarted. */
function hostIdOf(paths: Paths, slot: number): string {
  const place = createHash("sha256").update(`${hostname()}\0${paths.state}`).digest("hex").slice(0, 8);
  return `${hostLabel(hostname())}-${place}-${slot}`;
}

const runOpenness =
  (client: Client): IsRunOpen =>
  async (workflowId, runId) => {
    try {
      const { status } = await client.workflow.getHandle(workflowId, runId).describe();
      return status.name === "RUNNING" || status.name === "PAUSED";
    } catch (error) {
      if (error instanceof WorkflowNotFoundError) return false;
      if (isGrpcServiceError(error)) return undefined;
      throw error;
    }
  };

/**
 * Starts a worker: connects, clears what an earlier process of this host left, and polls the shared queue and the host's
 * own.
 *
 * @throws KgentsError where Temporal does not answer or no backend can be served
 */
export async function startWorker(settings: WorkerSettings): Promise<RunningWorker> {
  const { configuration, paths, log } = settings;
  const policy = configuration.worker;
  const connections = await connectWorker(settings.address, settings.namespace);
  const slot = await claimSlot(join(paths.state, "workers"));
  const hostId = hostIdOf(paths, slot.slot);
  const store = await openArtifactStore(configuration.artifacts.directory ?? join(paths.state, "artifacts"));
  const backends = settings.backends ?? (await createBackends(settings, hostId));
  const limiter = createCellLimiter(policy.maximumCells, (held, waiting) => settings.onActivity?.(held + waiting));
  const dependencies: ActivityDependencies = {
    store,
    backends,
    languages: mergeLanguages(builtInLanguages, configuration),
    policy,
    hostTaskQueue: hostTaskQueue(policy.taskQueue, hostId),
    searchAttributes: await ensureSearchAttributes(connections.client, connections.namespace, log),
    limiter,
    running: createRunningCells(),
  };
  for (const backend of Object.values(backends)) {
    const left = await backend.sweep();
    if (left > 0) log.info({ backend: backend.name, cells: left }, "removed cells that an earlier worker left");
  }
  const identity = workerIdentity(store.id, hostId, process.pid);
  const workers = await createWorkers(dependencies, connections, identity, settings, policy);
  const client = new Client({ connection: connections.client, namespace: connections.namespace });
  const janitor = startJanitor(dependencies, runOpenness(client), log);
  const expiry = startExpiry(store, connections, log);

  const running = Promise.all(workers.map((worker) => worker.run()));
  await settings.onReady?.({ taskQueue: policy.taskQueue, hostTaskQueue: dependencies.hostTaskQueue, identity });
  log.info({ identity, taskQueue: policy.taskQueue, address: connections.address }, "the worker is ready");

  const stopped = running
    .then(() => {})
    .finally(async () => {
      await janitor.stop();
      await expiry.stop();
      for (const backend of Object.values(backends)) await backend.close();
      await connections.client.close();
      await connections.native.close();
      await slot.release();
    });
  // One of the two failing must end the other, else the process would live on half.
  running.catch(() => shutDown(workers));
  return {
    stopped,
    stop: async () => {
      shutDown(workers);
      await stopped;
    },
  };
}

function shutDown(workers: readonly Worker[]): void {
  for (const worker of workers) if (worker.getState() === "RUNNING") worker.shutdown();
}

async function createBackends(
  { configuration, paths, log }: WorkerSettings,
  hostId: string,
): Promise<Partial<Record<BackendName, Backend>>> {
  const { backends, unsandboxed } = configuration.worker;
  if (!backends.includes("subprocess")) {
    throw new KgentsError(
      "backend-unavailable",
      `worker.backends: this build serves subprocess, got ${backends.join(", ")}`,
    );
  }
  const subprocess = createSubprocessBackend({
    stateDirectory: join(paths.state, "cells", hostId),
    cacheDirectory: paths.cache,
    unsandboxed,
    installTools: true,
    log: (line) => log.info(line),
  });
  const status = await subprocess.status();
  if (!status.available)
    log.warn({ summary: status.summary }, "the sandbox is not available; runs that need it are refused");
  return { subprocess };
}

async function createWorkers(
  dependencies: ActivityDependencies,
  { native, namespace }: WorkerConnections,
  identity: string,
  settings: WorkerSettings,
  policy: Configuration["worker"],
): Promise<Worker[]> {
  const activities = createActivities(dependencies);
  const shared = { connection: native, namespace, identity, activities, ...tuning(settings.drainMilliseconds) };
  return Promise.all([
    Worker.create({
      ...shared,
      taskQueue: policy.taskQueue,
      workflowBundle: { codePath: settings.bundlePath ?? builtBundle },
      // About 1 MB each; a run that fell out of the cache is replayed from its history, which is short.
      maxCachedWorkflows: 500,
      // Provisions that wait for a place among the cells hold a slot each; they cost next to nothing.
      maxConcurrentActivityTaskExecutions: 1000,
      workflowTaskPollerBehavior: { type: "autoscaling", initial: 5, maximum: 20 },
      activityTaskPollerBehavior: { type: "autoscaling", initial: 5, maximum: 20 },
    }),
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

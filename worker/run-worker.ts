import { noopMetricMeter } from "@temporalio/common";
import type { Worker } from "@temporalio/worker";
import type { ActivityDependencies } from "#activities/dependencies";
import { createRunningCells } from "#activities/running-cells";
import { createEnvironments } from "#cells/packages/environments";
import type { CellProvider } from "#cells/provider";
import { mergeLanguages } from "#core/configuration/configuration";
import { builtInLanguages } from "#core/contract/language";
import { hostTaskQueue, workerIdentity } from "#core/contract/names";
import type { Logger } from "#platform/host/logger";
import { countStoreErrors } from "#platform/store/count-errors";
import { ensureSearchAttributes } from "#platform/temporal/search-attributes";
import { askTemporal, openRunsOf } from "./ask-temporal.ts";
import { callMilliseconds } from "./connect.ts";
import { missingCluster } from "./create-providers.ts";
import { createWorkers } from "./create-workers.ts";
import { drain, removeCells, shutDown } from "./drain.ts";
import { startExpiry } from "./expiry.ts";
import { handOver, warnIfPassive } from "./hand-over.ts";
import { startJanitor } from "./janitor.ts";
import { awaitListing, createListing, type Listing } from "./listing.ts";
import { createOpened, type Opened, stepMilliseconds } from "./opened-resources.ts";
import { ensureSweep } from "./sweep-schedule.ts";
import { watchProviders } from "./watch-providers.ts";
import { createWorkerMetrics, type WorkerMetrics } from "./worker-metrics.ts";
import { openWorkerResources, type WorkerResources } from "./worker-resources.ts";
import type { WorkerSettings } from "./worker-settings.ts";

/** A running worker. */
export interface RunningWorker {
  /** Drains and stops the worker; resolves when it has stopped. */
  readonly stop: () => Promise<void>;
  /** Rejects when the worker fails; resolves when it has stopped. */
  readonly stopped: Promise<void>;
  /** Why it takes no work now, in words; undefined if it does. */
  readonly unready: () => Promise<string | undefined>;
}

/** Time to remove all cells in parallel, in milliseconds. Each may take its own steps. */
const cellsMilliseconds = 2 * stepMilliseconds + 1000;

/**
 * Starts a worker. It connects, removes what an earlier process of this host left, and polls the shared queue and the
 * host's own.
 *
 * @throws KgentsError if Temporal does not answer or no backend can be served; everything is then closed again
 */
export async function startWorker(settings: WorkerSettings): Promise<RunningWorker> {
  const opened = createOpened(settings.log);
  try {
    return await start(settings, opened);
  } catch (error) {
    await opened.close();
    throw error;
  }
}

/** Reports how many places the backends have, and how many are taken and waited for. */
function reportPlaces(settings: WorkerSettings, served: readonly CellProvider[], metrics: WorkerMetrics): void {
  for (const { name, maximumCells, placement } of served) {
    metrics.maximum(name, maximumCells);
    metrics.waiting(name, 0);
    placement.onChange(() => metrics.waiting(name, placement.waiting()));
  }
  // Cells in a cluster do not keep this worker busy: another worker can go on with them.
  const own = served.filter(({ reach }) => reach === "host").map(({ placement }) => placement);
  const activeRuns = (): number => own.reduce((sum, { held, waiting }) => sum + held() + waiting(), 0);
  for (const placement of own) placement.onChange(() => settings.onActivity?.(activeRuns()));
}

async function createDependencies(
  { configuration, paths, log }: WorkerSettings,
  { artifacts, providers, hostId, connections, client }: WorkerResources,
  metrics: WorkerMetrics,
): Promise<ActivityDependencies> {
  const policy = configuration.worker;
  const running = createRunningCells();
  running.onChange(metrics.cells);
  return {
    store: countStoreErrors(artifacts, metrics.storeError),
    providers,
    missingCluster: missingCluster(policy),
    environments: createEnvironments({
      cacheDirectory: paths.cache,
      policy: policy.packages,
      log: (line) => log.info(line),
    }),
    languages: mergeLanguages(builtInLanguages, configuration),
    policy,
    hostTaskQueue: hostTaskQueue(policy.taskQueue, hostId),
    searchAttributes: await connections.client.withDeadline(Date.now() + 3 * callMilliseconds, () =>
      ensureSearchAttributes(connections.client, connections.namespace, log),
    ),
    running,
    askRun: askTemporal(client),
    openRuns: openRunsOf(client),
  };
}

async function removeEarlierCells(served: readonly CellProvider[], log: Logger): Promise<void> {
  for (const provider of served) {
    const left = await provider.sweep();
    if (left > 0) log.info({ backend: provider.name, cells: left }, "removed cells of an earlier worker");
  }
}

/** Starts what a worker does at intervals: the removal of abandoned cells and old artifacts, and metrics. */
function startPeriodicWork(
  { configuration, meter, log }: WorkerSettings,
  dependencies: ActivityDependencies,
  { connections }: WorkerResources,
  metrics: WorkerMetrics,
  opened: Opened,
): void {
  const janitor = startJanitor(dependencies, log);
  opened.add("stopping the janitor", janitor.stop);
  const expiry = startExpiry(dependencies.store, connections, configuration.artifacts, log);
  opened.add("stopping the expiry", expiry.stop);
  const watch = meter && watchProviders(Object.values(dependencies.providers), metrics, log);
  if (watch) opened.add("stopping the watch of the backends", watch.stop);
}

/** Starts to poll. The promises settle when each worker has stopped. */
function poll(workers: readonly Worker[], opened: Opened): readonly Promise<void>[] {
  const runs = workers.map((worker) => worker.run());
  // If one worker fails, stop the others, so that the process does not run on in part.
  Promise.all(runs).catch(() => shutDown(workers));
  opened.add("stopping the pollers", async () => {
    shutDown(workers);
    await Promise.allSettled(runs);
  });
  return runs;
}

/** Waits until the server lists the worker, and announces that it is ready. */
async function awaitReady(
  { configuration, version, onReady, log }: WorkerSettings,
  { connections }: WorkerResources,
  worker: { readonly identity: string; readonly hostTaskQueue: string; readonly listing: Listing },
  runs: readonly Promise<void>[],
): Promise<void> {
  const { taskQueue } = configuration.worker;
  const listed = awaitListing(worker.listing);
  // If the worker has ended since, `stopped` of the running worker reports it.
  const missing = await Promise.race([listed, Promise.allSettled(runs).then(() => undefined)]);
  if (missing !== undefined) log.warn({ taskQueue }, missing);
  const { identity } = worker;
  await onReady?.({ taskQueue, hostTaskQueue: worker.hostTaskQueue, identity });
  log.info({ identity, taskQueue, address: connections.address, ...version }, "the worker is ready");
  await warnIfPassive(connections, taskQueue, version, log).catch((error) =>
    log.warn({ error: String(error) }, "cannot ask which version is the current one"),
  );
}

async function start(settings: WorkerSettings, opened: Opened): Promise<RunningWorker> {
  const { log, version, drainMilliseconds } = settings;
  const policy = settings.configuration.worker;
  const { taskQueue } = policy;
  const resources = await openWorkerResources(settings, opened);
  const { connections, client, tracing } = resources;
  const served = Object.values(resources.providers);
  const metrics = createWorkerMetrics(
    settings.meter ?? noopMetricMeter,
    served.map(({ name }) => name),
  );
  reportPlaces(settings, served, metrics);
  const dependencies = await createDependencies(settings, resources, metrics);
  await removeEarlierCells(served, log);
  const identity = workerIdentity(dependencies.store.id, resources.hostId, process.pid);
  const workers = await createWorkers(dependencies, connections, identity, settings, policy, tracing);
  if (served.some(({ reach }) => reach === "everywhere")) await ensureSweep(client, taskQueue, log);
  opened.add("removing the remaining cells", () => removeCells(dependencies, log), cellsMilliseconds);
  startPeriodicWork(settings, dependencies, resources, metrics, opened);
  const runs = poll(workers, opened);
  const listing = createListing(connections, taskQueue, identity, version);
  await awaitReady(settings, resources, { identity, hostTaskQueue: dependencies.hostTaskQueue, listing }, runs);

  const stopped = (async () => {
    const ends = await Promise.allSettled(runs);
    await opened.close();
    for (const end of ends) if (end.status === "rejected") throw end.reason;
  })();
  let draining = false;
  return {
    stopped,
    unready: async () => {
      if (draining) return "the worker is draining";
      if (workers.some((worker) => worker.getState() !== "RUNNING")) return "the worker has stopped";
      return listing().catch((error) => `Temporal does not respond: ${error}`);
    },
    stop: async () => {
      draining = true;
      const awaitRuns = async (deadline: number): Promise<void> => {
        if (version) await handOver({ connections, client, taskQueue, version, log }, deadline);
      };
      await drain({ workers, runs, dependencies, drainMilliseconds, handOver: awaitRuns });
      await stopped;
    },
  };
}

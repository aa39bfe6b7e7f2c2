import { join } from "node:path";
import { Client } from "@temporalio/client";
import { noopMetricMeter } from "@temporalio/common";
import type { ActivityDependencies } from "#activities/dependencies";
import { createRunningCells } from "#activities/running-cells";
import { mergeLanguages } from "#core/configuration/configuration";
import { builtInLanguages } from "#core/contract/language";
import { hostTaskQueue, workerIdentity } from "#core/contract/names";
import { claimSlot } from "#platform/host/process-lock";
import { countStoreErrors } from "#platform/store/count-errors";
import { openArtifactStore } from "#platform/store/open-store";
import { ensureSearchAttributes } from "#platform/temporal/search-attributes";
import { openTracing } from "#platform/tracing/open-tracing";
import { askTemporal, openRunsOf } from "./ask-temporal.ts";
import { callMilliseconds, connectWorker, type WorkerConnections } from "./connect.ts";
import { createProviders, missingCluster, type ProvidersOf } from "./create-providers.ts";
import { createWorkers } from "./create-workers.ts";
import { awaitOwnRuns, type DeploymentVersion, moveOnCommand, takesNewRuns } from "./deployment.ts";
import { drain, removeCells, shutDown } from "./drain.ts";
import { startExpiry } from "./expiry.ts";
import { hostIdOf } from "./host-id.ts";
import { startJanitor } from "./janitor.ts";
import { awaitListing, createListing } from "./listing.ts";
import type { Logger } from "./logging.ts";
import { createOpened, type Opened, stepMilliseconds } from "./opened-resources.ts";
import { ensureSweep } from "./sweep-schedule.ts";
import { watchProviders } from "./watch-providers.ts";
import { createWorkerMetrics } from "./worker-metrics.ts";
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
/** Time for pending uploads, in milliseconds: the spool's own limit, with a margin. */
const storeMilliseconds = 20_000;

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

async function connect(settings: WorkerSettings, opened: Opened): Promise<WorkerConnections> {
  await settings.beforeConnecting?.();
  const connections = await connectWorker(settings.address, settings.namespace);
  opened.add("closing the connection of the pollers", () => connections.native.close());
  opened.add("closing the connection to Temporal", () => connections.client.close());
  return connections;
}

async function provide(
  settings: WorkerSettings,
  opened: Opened,
  about: Pick<ProvidersOf, "hostId" | "connections">,
): Promise<ActivityDependencies["providers"]> {
  const providers = settings.providers ?? (await createProviders({ ...settings, ...about }));
  for (const provider of Object.values(providers)) {
    opened.add(`closing the backend ${provider.name}`, () => provider.close());
  }
  return providers;
}

async function start(settings: WorkerSettings, opened: Opened): Promise<RunningWorker> {
  const { configuration, paths, log } = settings;
  const policy = configuration.worker;
  const tracing = await openTracing("kgents-worker", (line) => log.warn(line));
  opened.add("closing the traces", async () => tracing?.close());
  const slot = await claimSlot(join(paths.state, "workers"));
  opened.add("releasing the worker's number on this host", () => slot.release());
  const hostId = await hostIdOf(paths, slot.slot);
  // The sandbox is examined while the server is waited for.
  const connecting = connect(settings, opened);
  const providing = provide(settings, opened, { hostId, connections: connecting });
  const [connected, provided] = await Promise.allSettled([connecting, providing]);
  if (connected.status === "rejected") throw connected.reason;
  if (provided.status === "rejected") throw provided.reason;
  const connections = connected.value;
  const providers = provided.value;
  const artifacts = await openArtifactStore(configuration.artifacts, {
    directory: join(paths.state, "artifacts"),
    spool: { directory: join(paths.state, "spool"), log: (line) => log.warn(line) },
    log: (line) => log.warn(line),
  });
  opened.add("closing the artifact store", () => artifacts.close(), storeMilliseconds);
  const client = new Client({ connection: connections.client, namespace: connections.namespace });
  const served = Object.values(providers);
  const metrics = createWorkerMetrics(
    settings.meter ?? noopMetricMeter,
    served.map(({ name }) => name),
  );
  for (const { name, maximumCells, placement } of served) {
    metrics.maximum(name, maximumCells);
    metrics.waiting(name, 0);
    placement.onChange(() => metrics.waiting(name, placement.waiting()));
  }
  // Cells in a cluster do not keep this worker busy: another worker can go on with them.
  const own = served.filter(({ reach }) => reach === "host").map(({ placement }) => placement);
  const activeRuns = (): number => own.reduce((sum, { held, waiting }) => sum + held() + waiting(), 0);
  for (const placement of own) placement.onChange(() => settings.onActivity?.(activeRuns()));
  const store = countStoreErrors(artifacts, metrics.storeError);
  const running = createRunningCells();
  running.onChange(metrics.cells);
  const dependencies: ActivityDependencies = {
    store,
    providers,
    missingCluster: missingCluster(policy),
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
  for (const provider of served) {
    const left = await provider.sweep();
    if (left > 0) log.info({ backend: provider.name, cells: left }, "removed cells of an earlier worker");
  }
  const identity = workerIdentity(store.id, hostId, process.pid);
  const workers = await createWorkers(dependencies, connections, identity, settings, policy, tracing);
  if (served.some(({ reach }) => reach === "everywhere")) await ensureSweep(client, policy.taskQueue, log);
  opened.add("removing the remaining cells", () => removeCells(dependencies, log), cellsMilliseconds);
  const janitor = startJanitor(dependencies, log);
  opened.add("stopping the janitor", janitor.stop);
  const expiry = startExpiry(store, connections, configuration.artifacts, log);
  opened.add("stopping the expiry", expiry.stop);
  const watch = settings.meter && watchProviders(served, metrics, log);
  if (watch) opened.add("stopping the watch of the backends", watch.stop);

  const runs = workers.map((worker) => worker.run());
  // If one worker fails, stop the others, so that the process does not run on in part.
  Promise.all(runs).catch(() => shutDown(workers));
  opened.add("stopping the pollers", async () => {
    shutDown(workers);
    await Promise.allSettled(runs);
  });
  const listing = createListing(connections, policy.taskQueue, identity, settings.version);
  const listed = awaitListing(listing).catch((error) => `cannot ask whether the server lists this worker: ${error}`);
  // If the worker has ended since, `stopped` reports it below.
  const missing = await Promise.race([listed, Promise.allSettled(runs).then(() => undefined)]);
  if (missing !== undefined) log.warn({ taskQueue: policy.taskQueue }, missing);
  await settings.onReady?.({ taskQueue: policy.taskQueue, hostTaskQueue: dependencies.hostTaskQueue, identity });
  const { version } = settings;
  log.info({ identity, taskQueue: policy.taskQueue, address: connections.address, ...version }, "the worker is ready");
  await sayIfPassive(connections, policy.taskQueue, version, log).catch((error) =>
    log.warn({ error: String(error) }, "cannot ask which version is the current one"),
  );

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
      const { drainMilliseconds, version } = settings;
      const handOver = async (deadline: number): Promise<void> => {
        if (!version) return;
        const about = { connections, client, taskQueue: policy.taskQueue, version, log };
        const open = await awaitOwnRuns(about, deadline).catch((error) => {
          log.warn({ error: String(error) }, "cannot ask whether runs of this version are open");
          return 0;
        });
        if (open === 0) return;
        const command = moveOnCommand(policy.taskQueue, version);
        log.warn(
          { ...version, open, command },
          "runs of this version are still open; they wait for another worker of this version, or to be moved to the current version",
        );
      };
      await drain({ workers, runs, dependencies, drainMilliseconds, handOver });
      await stopped;
    },
  };
}

/** Logs a warning if a worker with a version gets no new runs, because its version must be made the current one. */
async function sayIfPassive(
  connections: WorkerConnections,
  taskQueue: string,
  version: DeploymentVersion | undefined,
  log: Logger,
): Promise<void> {
  if (!version || (await takesNewRuns(connections, taskQueue, version))) return;
  const { deploymentName, buildId } = version;
  const command = `temporal worker deployment set-current-version --deployment-name ${deploymentName} --build-id ${buildId}`;
  log.warn({ ...version, command }, "this version is not the current version, so it gets no new runs");
}

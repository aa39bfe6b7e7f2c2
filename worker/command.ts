/**
 * `kgents worker`: runs a worker in the foreground, for people and containers. The local stack's background worker uses
 * it, too.
 *
 * @module
 */

import { type Configuration, parseConfiguration } from "#core/configuration/configuration";
import type { WorkerCommandFlags } from "#core/configuration/worker-flags";
import { exitCodeOfFailure } from "#core/contract/command-exit-code";
import { KgentsError } from "#core/contract/error";
import { parseDuration } from "#core/text/duration";
import type { Listening } from "#platform/host/bounded-http-server";
import { loadConfiguration } from "#platform/host/configuration-file";
import { startHealthServer } from "#platform/host/health-server";
import { createLogger } from "#platform/host/logger";
import { refuseForeignDirectories } from "#platform/host/ownership";
import { kgentsPaths } from "#platform/host/paths";
import { deploymentVersion } from "./deployment.ts";
import { takeOverEnd } from "./end-in-order.ts";
import { installRuntime } from "./logging.ts";
import { startWorker } from "./run-worker.ts";
import type { WorkerSettings } from "./worker-settings.ts";

/** The configuration with the flags applied. The flags are validated like the configuration. */
function withFlags(configuration: Configuration, flags: WorkerCommandFlags): Configuration {
  const { taskQueue, backends, maximumCells } = flags;
  const given = Object.fromEntries(
    Object.entries({ taskQueue, backends, maximumCells }).filter(([, value]) => value !== undefined),
  );
  const { worker } = parseConfiguration({ worker: given });
  const said = Object.fromEntries(Object.entries(worker).filter(([name]) => name in given));
  return { ...configuration, worker: { ...configuration.worker, ...said } };
}

/**
 * Runs a worker until a signal ends it. Returns the exit code.
 *
 * @param hooks callbacks for the local stack's background worker
 */
export async function work(
  flags: WorkerCommandFlags,
  hooks: Pick<WorkerSettings, "beforeConnecting" | "onReady" | "onActivity"> = {},
): Promise<number> {
  const log = createLogger();
  const end = takeOverEnd(log);
  let unready = async (): Promise<string | undefined> => "the worker is starting";
  let health: Listening | undefined;
  try {
    const drainMilliseconds = parseDuration(flags.drain);
    if (drainMilliseconds === undefined) {
      throw new KgentsError("invalid-request", `--drain: got ${flags.drain}; allowed is a duration such as 30s`, {
        field: "--drain",
      });
    }
    const version = deploymentVersion(flags);
    // A pod has a single user, and all users can write to the root of its volumes.
    if (!process.env.KUBERNETES_SERVICE_HOST) refuseForeignDirectories(kgentsPaths());
    const { configuration } = await loadConfiguration({ path: flags.config });
    // Validate before the runtime exists, which would keep a failed process alive.
    const complete = withFlags(configuration, flags);
    if (flags.healthPort !== undefined) {
      const place = { host: flags.healthHost ?? "127.0.0.1", port: flags.healthPort };
      health = await startHealthServer(place, () => unready());
      log.info(place, "serving probes");
    }
    const { metricsHost, metricsPort } = flags;
    const meter = installRuntime(log, metricsPort === undefined ? undefined : `${metricsHost}:${metricsPort}`);
    const worker = await startWorker({
      ...hooks,
      configuration: complete,
      paths: kgentsPaths(),
      log,
      meter,
      address: flags.address,
      namespace: flags.namespace,
      drainMilliseconds,
      version,
    });
    ({ unready } = worker);
    // A worker with a version may drain twice as long: runs that it accepted may still be in its waiting queue
    // (docs/fleet.md).
    end.guard(worker, version ? 2 * drainMilliseconds : drainMilliseconds);
    await worker.stopped;
    log.info("the worker has stopped");
    return end.defect() ?? 0;
  } catch (error) {
    if (error instanceof KgentsError) {
      log.fatal({ kind: error.code, remedy: error.remedy }, error.message);
      return exitCodeOfFailure(error.code);
    }
    log.fatal({ error: String(error), stack: error instanceof Error ? error.stack : undefined }, "the worker failed");
    return exitCodeOfFailure("internal");
  } finally {
    end.release();
    await health?.close();
  }
}

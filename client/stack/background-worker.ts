/**
 * The background worker. It is started if no other worker serves the queue. It is replaced when anything that it read
 * at its start has changed (build, kubeconfig, PATH, configuration).
 *
 * @module
 */
import { existsSync } from "node:fs";
import { rm } from "node:fs/promises";
import { KgentsError } from "#core/contract/error";
import { compileCacheIn } from "#platform/host/compile-cache";
import { fullDiskBehind } from "#platform/host/disk-space";
import { isRunning } from "#platform/host/process-identity";
import { writeStateText } from "#platform/host/state-file";
import { watchUntil } from "#platform/host/watch-until";
import {
  readWorkerIdentity,
  readWorkerReady,
  readWorkerStatus,
  type WorkerIdentity,
  workerFiles,
  writeWorkerIdentity,
} from "#platform/host/worker-files";
import type { TemporalTarget } from "#platform/temporal/address";
import { workerEnvironment } from "./background-environment.ts";
import { type BackgroundProcess, howItEnded, startInBackground, stopProcess } from "./background-process.ts";
import type { StackContext } from "./stack-context.ts";
import { changes, fingerprint } from "./worker-fingerprint.ts";
import { workerNodeFlags } from "./worker-node-flags.ts";

/** How long a worker may take to start, in milliseconds. It may first have to install its sandbox. */
const readyMilliseconds = 180_000;
/**
 * How long a worker may take to stop, in milliseconds: its drain of 10 s, 30 s for killing and collecting, and a
 * margin.
 */
const drainMilliseconds = 60_000;

/** A running background worker. */
export interface OwnWorker {
  readonly identity: WorkerIdentity;
  /** Whether it polls. */
  readonly ready: boolean;
  /** The number of its runs; undefined if it has not reported it. */
  readonly activeRuns: number | undefined;
  /** The changed parts of its identity, by name. */
  readonly outdated: readonly string[];
}

/** The background worker of this machine, if it runs. */
export async function runningWorker(context: StackContext, target: TemporalTarget): Promise<OwnWorker | undefined> {
  const files = workerFiles(context.paths.state);
  const identity = await readWorkerIdentity(files);
  if (!identity || !(await isRunning(identity))) return undefined;
  const [ready, status] = await Promise.all([readWorkerReady(files), readWorkerStatus(files)]);
  return {
    identity,
    ready: ready?.pid === identity.pid,
    activeRuns: status?.pid === identity.pid ? status.activeRuns : undefined,
    outdated: changes(identity, fingerprint(context, target)),
  };
}

/** Whether a background worker is ready and up to date. */
export const isCurrent = (worker: OwnWorker): boolean => worker.ready && worker.outdated.length === 0;

/**
 * Ensures that a background worker runs for the server. The caller must hold the stack's lock.
 *
 * @throws KgentsError `stack-start`; `no-worker` if the running one is busy with another server
 */
export async function ensureWorker(context: StackContext, target: TemporalTarget): Promise<void> {
  const { progress } = context;
  const worker = await runningWorker(context, target);
  if (!worker) return startWorker(context, target);
  if (worker.outdated.length === 0) return worker.ready ? undefined : awaitReady(context, worker.identity);
  const changed = worker.outdated.join(" and ");
  if (worker.activeRuns === 0) {
    progress(`restarting the worker: ${changed} changed`);
    await stopWorker(context);
    return startWorker(context, target);
  }
  const { address, taskQueue } = worker.identity;
  if (address !== target.address || taskQueue !== context.taskQueue) {
    throw new KgentsError("no-worker", `the worker in the background is busy with ${taskQueue} at ${address}`, {
      remedy: "Wait until its runs have ended, or start another worker with `kgents worker`.",
    });
  }
  progress(`the worker is busy, so it keeps its settings although ${changed} changed; it is replaced when idle`);
  return worker.ready ? undefined : awaitReady(context, worker.identity);
}

/** Stops the background worker, with time to finish its runs. */
export async function stopWorker(context: StackContext): Promise<"was not running" | "stopped" | "killed"> {
  const files = workerFiles(context.paths.state);
  const identity = await readWorkerIdentity(files);
  if (!identity) return "was not running";
  const status = await readWorkerStatus(files);
  const runs = status?.pid === identity.pid && (await isRunning(identity)) ? status.activeRuns : 0;
  if (runs > 0) {
    context.progress(
      `the worker has ${runs} open ${runs === 1 ? "run" : "runs"}; code that does not end within 10 s is killed, and its run is lost`,
    );
  }
  // Without this file, new commands wait for the lock and do not give this worker a run.
  await rm(files.ready, { force: true });
  const how = await stopProcess(identity, drainMilliseconds);
  if (how === "killed") {
    context.progress(`the worker did not exit within ${drainMilliseconds / 1000} s and was killed; its runs are lost`);
  }
  return how;
}

/** Drop API key and TLS without an address: they belong to another server. The local one supports neither. */
const withoutForeignSecrets = (environment: NodeJS.ProcessEnv, { origin }: TemporalTarget): NodeJS.ProcessEnv =>
  origin === "configured"
    ? environment
    : Object.fromEntries(
        Object.entries(environment).filter(([name]) => !/^TEMPORAL_(API_KEY|TLS|GRPC_META)/.test(name)),
      );

async function startWorker(context: StackContext, target: TemporalTarget): Promise<void> {
  const { environment, taskQueue, workerEntry, progress } = context;
  if (!existsSync(workerEntry)) {
    throw new KgentsError("stack-start", `the worker's program does not exist: ${workerEntry}`, {
      remedy: "Build kgents first (`npm run build`), or install it again.",
    });
  }
  const files = workerFiles(context.paths.state);
  await Promise.all([files.ready, files.status].map((file) => rm(file, { force: true })));
  // Pass a copy and not the path: the file could change before the worker reads it.
  await writeStateText(files.configuration, context.configurationText);
  const compileCache = compileCacheIn(context.paths.cache);
  progress("starting a worker ...");
  const about = { ...fingerprint(context, target), startedAt: new Date().toISOString() };
  const worker = await startInBackground(
    process.execPath,
    [
      ...[...workerNodeFlags, workerEntry, "--identity-file", files.identity, "--task-queue", taskQueue],
      ...["--config", files.configuration],
      // A configured server is used even if another user runs it.
      ...(target.origin === "local" ? ["--own-server", target.address] : []),
    ],
    {
      log: files.log,
      environment: {
        ...withoutForeignSecrets(workerEnvironment(environment, context), target),
        // Node keeps the compiled code of the worker there for the next start.
        ...(compileCache !== undefined && { NODE_COMPILE_CACHE: compileCache }),
        TEMPORAL_ADDRESS: target.address,
        TEMPORAL_NAMESPACE: target.namespace,
      },
      record: (identity) => writeWorkerIdentity(files, { ...identity, ...about }),
    },
  );
  await awaitReady(context, { ...worker.identity, ...about }, worker);
}

async function awaitReady(context: StackContext, identity: WorkerIdentity, worker?: BackgroundProcess): Promise<void> {
  const files = workerFiles(context.paths.state);
  let hasEnded = false;
  void worker?.exited.then(() => {
    hasEnded = true;
  });
  const outcome = await watchUntil(
    files.ready,
    async () => {
      if ((await readWorkerReady(files))?.pid === identity.pid) return "ready";
      return hasEnded || !(await isRunning(identity)) ? "ended" : undefined;
    },
    { timeoutMilliseconds: readyMilliseconds, fallbackMilliseconds: 50 },
  );
  if (outcome === "ready") return;
  if (outcome === undefined) await stopProcess(identity, drainMilliseconds);
  const how = outcome === "ended" && (worker ? await howItEnded(worker) : "some time ago");
  const why = how ? `it exited (${how})` : `not ready in ${readyMilliseconds / 1000} s`;
  const fullDisk = await fullDiskBehind("the worker did not start", context.paths.state, undefined);
  if (fullDisk) throw fullDisk;
  const said = await worker?.lastLines();
  throw new KgentsError("stack-start", `the worker did not start: ${why}${said ? `\n${said}` : ""}`, {
    remedy: `Check ${files.log}.`,
  });
}

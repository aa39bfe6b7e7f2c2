/**
 * The local stack: a Temporal server and a worker in the background, started on demand.
 *
 * @module
 */

import { KgentsError } from "#core/contract/error";
import { isLoopback } from "#core/text/loopback";
import { isDiskFull } from "#platform/host/disk-space";
import { refuseForeignListener } from "#platform/host/listener-owner";
import { refuseForeignDirectories } from "#platform/host/ownership";
import { acquireLock, type ProcessLock } from "#platform/host/process-lock";
import { isGuarded, runningServer, type ServerRecord } from "#platform/host/server-record";
import { portIn, resolveTarget, type TemporalTarget } from "#platform/temporal/address";
import type { HttpDoor } from "#platform/temporal/http-api";
import { probe } from "#platform/temporal/probe";
import type { QueueState } from "#platform/temporal/queue-state";
import { ensureWorker, isCurrent, runningWorker, stopWorker } from "./background-worker.ts";
import { awaitServing, type StartedServer, startServer, stopServer } from "./server.ts";
import { type StackContext, type StackOptions, stackContext } from "./stack-context.ts";
import { ensureUiGuard, guardedUi } from "./ui-guard.ts";

export type { StackOptions } from "./stack-context.ts";

/** The stack, as seen by a command. */
export interface Stack {
  /** `host:port` */
  readonly address: string;
  readonly namespace: string;
  /** Whether the caller, a variable or a profile named the server, which is then used as it is. */
  readonly configured: boolean;
  /** Whether kgents started the server. */
  readonly managed: boolean;
  /** Where our server serves its HTTP API; null if it has none that web pages cannot reach, and for other servers. */
  readonly http: HttpDoor | null;
  /** When our server was started, in ISO 8601; null for other servers. */
  readonly startedAt: string | null;
  /** The address of our server's UI. */
  readonly uiUrl: string | null;
  /** Which worker serves the task queue: our background worker, or others. If `unknown`, the caller asks the server. */
  readonly worker: "own" | "other" | "unknown";
}

/**
 * How long a command waits for another that starts the stack, in milliseconds. That may include a download over a slow
 * connection.
 */
const lockMilliseconds = 600_000;
const queueMilliseconds = 5000;

/**
 * Ensures that a Temporal server and a worker run, and returns their addresses. Takes a few milliseconds if both run
 * already.
 *
 * A configured server is never started. On this machine it gets a worker if none serves the queue. On another machine
 * the queue is not checked, and the caller fails if no worker serves it.
 *
 * @throws KgentsError `stack-start`, `tool-unavailable`, `no-worker`, `temporal-unavailable`, `invalid-configuration`
 */
export async function ensureStack(options: StackOptions = {}): Promise<Stack> {
  const context = stackContext(options);
  refuseForeignDirectories(context.paths);
  const settled = await lookAround(context);
  if (settled) return settled;
  await using _lock = await lockStack(context);
  // Another command may have started it during the wait.
  const meanwhile = await lookAround(context);
  // Await here: a returned promise would release the lock early.
  return meanwhile ?? (await bringUp(context));
}

/** The result of `down`. */
export interface StoppedStack {
  readonly worker: "was not running" | "stopped" | "killed";
  readonly temporal: "was not running" | "stopped" | "killed";
}

/** Stops the worker and then our server. The history stays. It is not an error if nothing runs. */
export async function down(options: StackOptions = {}): Promise<StoppedStack> {
  const context = stackContext(options);
  refuseForeignDirectories(context.paths);
  await using _lock = await lockStack(context).catch(withoutLock);
  const worker = await stopWorker(context);
  return { worker, temporal: await stopServer(context) };
}

/** The server to use, in view of our running one. */
export function targetOf(context: StackContext, server: ServerRecord | undefined): TemporalTarget {
  const { environment, address, port } = context;
  return resolveTarget(environment, { address, port, ...(server ? { runningPort: portIn(server.address) } : {}) });
}

const lockStack = (context: StackContext): Promise<ProcessLock> =>
  acquireLock(context.files.lock, {
    waitMilliseconds: lockMilliseconds,
    onWait: ({ pid }) => context.progress(`waiting for process ${pid}, which starts or stops the local stack ...`),
  });

/**
 * On a full disk no process can take the lock, so none can start anything concurrently. Stopping needs no disk space.
 */
function withoutLock(error: unknown): AsyncDisposable {
  if (!isDiskFull(error)) throw error;
  return { [Symbol.asyncDispose]: async () => {} };
}

/** The stack, if it needs no changes. */
async function lookAround(context: StackContext): Promise<Stack | undefined> {
  const server = await runningServer(context.files.server);
  const target = targetOf(context, server);
  if (!context.start || !isLoopback(target.address)) return describe(context, target, server, "unknown");
  const isOurs = server?.address === target.address;
  if (isOurs && !(isPrepared(server, target, context) && isGuarded(server) && (await guardedUi(context, server)))) {
    return undefined;
  }

  const worker = await runningWorker(context, target);
  if (worker && isCurrent(worker)) {
    // Another server may be gone although our worker still waits for it.
    const serves = isOurs || target.origin === "configured" || (await isThere(target));
    return serves ? describe(context, target, server, "own") : undefined;
  }
  if (worker || (!isOurs && target.origin === "local" && !(await isThere(target)))) return undefined;
  const { pollers } = await askForWorkers(context, target);
  return pollers.length > 0 ? describe(context, target, server, "other") : undefined;
}

/**
 * Asks the server who serves the queue. Rarely needed, and slow to load.
 *
 * @throws KgentsError `temporal-unavailable`
 */
async function askForWorkers({ taskQueue }: StackContext, target: TemporalTarget): Promise<QueueState> {
  const { queueState } = await import("#platform/temporal/pollers");
  return queueState(target, taskQueue, queueMilliseconds);
}

/**
 * Whether a local server that kgents did not start listens there.
 *
 * @throws KgentsError `stack-start` if it belongs to another user
 */
async function isThere({ address }: TemporalTarget): Promise<boolean> {
  if ((await probe(address)).kind !== "temporal") return false;
  await refuseForeignListener(address);
  return true;
}

/** Whether our server serves with the wanted run-time settings. */
const isPrepared = (server: ServerRecord, target: TemporalTarget, context: StackContext): boolean =>
  server.serving &&
  server.namespace === target.namespace &&
  server.retentionMilliseconds === context.retentionMilliseconds;

async function bringUp(context: StackContext): Promise<Stack> {
  const present = await runningServer(context.files.server);
  const target = targetOf(context, present);
  if (target.origin === "configured") {
    // Check the server before our worker leaves another one for it: an unavailable server must not cost the worker.
    await askForWorkers(context, target);
    await ensureWorker(context, target);
    return describe(context, target, present, "own");
  }
  const server = await ensureServer(context, target, present);
  // The worker loads while the server starts, and waits for it.
  const serving = server?.serving.catch(async (error: unknown) => {
    await stopWorker(context);
    throw error;
  });
  const [served, worked] = await Promise.allSettled([serving, ensureWorker(context, target)]);
  if (served.status === "rejected") throw served.reason;
  if (worked.status === "rejected") throw worked.reason;
  return describe(context, target, served.value, "own");
}

/** Ensures that the process of a local server runs. Undefined if another server than ours serves there. */
async function ensureServer(
  context: StackContext,
  target: TemporalTarget,
  present: ServerRecord | undefined,
): Promise<StartedServer | undefined> {
  if (present?.address === target.address) {
    if (!isGuarded(present) && (await mayRestart(context, target))) {
      await stopServer(context);
      return startServer(context, target);
    }
    if (isGuarded(present)) await ensureUiGuard(context, present);
    const serving = isPrepared(present, target, context)
      ? Promise.resolve(present)
      : awaitServing(context, target, present);
    return { serving };
  }
  const { kind } = await probe(target.address);
  if (kind !== "nothing") await refuseForeignListener(target.address);
  if (kind === "temporal") return undefined;
  if (kind === "other") {
    throw new KgentsError("stack-start", `port ${portIn(target.address)} is in use by a program that is not Temporal`, {
      remedy: "Choose another port with KGENTS_PORT.",
    });
  }
  if (present) {
    // Two servers would corrupt a shared database.
    throw new KgentsError(
      "stack-start",
      `the local Temporal server runs at ${present.address}, not at ${target.address}`,
      {
        remedy: "Stop it with `kgents down`, or do not set the port, to use the running server.",
      },
    );
  }
  return startServer(context, target);
}

/** Whether to restart a server that web pages can reach. Not while runs are active, because a restart disturbs them. */
async function mayRestart(context: StackContext, target: TemporalTarget): Promise<boolean> {
  const what = "the Temporal server of an older kgents, which web pages in a browser of this machine can reach";
  const isIdle = ((await runningWorker(context, target))?.activeRuns ?? 0) === 0;
  context.progress(isIdle ? `restarting ${what}` : `${what} keeps running until the worker is idle`);
  return isIdle;
}

async function describe(
  context: StackContext,
  target: TemporalTarget,
  server: ServerRecord | undefined,
  worker: Stack["worker"],
): Promise<Stack> {
  const ours = server?.address === target.address ? server : undefined;
  return {
    address: target.address,
    namespace: target.namespace,
    configured: target.origin === "configured",
    managed: ours !== undefined,
    http: ours && isGuarded(ours) && ours.serving ? { address: ours.httpAddress, host: ours.httpHost } : null,
    startedAt: ours?.startedAt ?? null,
    uiUrl: (ours && isGuarded(ours) && (await guardedUi(context, ours))) || null,
    worker,
  };
}

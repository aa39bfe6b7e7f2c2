/**
 * The local stack: a Temporal server and a worker in the background, started on demand.
 *
 * @module
 */

import { isLoopback } from "#core/text/loopback";
import { isDiskFull } from "#platform/host/disk-space";
import { refuseForeignListener } from "#platform/host/listener-owner";
import { refuseForeignDirectories } from "#platform/host/ownership";
import { acquireLock, type ProcessLock } from "#platform/host/process-lock";
import { isGuarded, runningServer, type ServerRecord } from "#platform/host/server-record";
import { portIn, resolveTarget, type TemporalTarget } from "#platform/temporal/address";
import type { HttpDoor } from "#platform/temporal/http-api";
import { probe } from "#platform/temporal/probe";
import { isCurrent, runningWorker, stopWorker } from "./background-worker.ts";
import { isPrepared } from "./prepared-server.ts";
import { askForWorkers } from "./queue-workers.ts";
import { type StackContext, type StackOptions, stackContext } from "./stack-context.ts";
import { guardedUi } from "./ui-guard.ts";

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
  if (meanwhile) return meanwhile;
  const { bringUp } = await import("./bring-up.ts");
  const present = await runningServer(context.files.server);
  const target = targetOf(context, present);
  // Await here: a returned promise would release the lock early.
  const server = await bringUp(context, target, present);
  return describe(context, target, server, "own");
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
  const { stopServer } = await import("./server.ts");
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
 * Whether a local server that kgents did not start listens there.
 *
 * @throws KgentsError `stack-start` if it belongs to another user
 */
async function isThere({ address }: TemporalTarget): Promise<boolean> {
  if ((await probe(address)).kind !== "temporal") return false;
  await refuseForeignListener(address);
  return true;
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

/**
 * The local stack: a Temporal server and a worker, both in the background, brought up when they are needed.
 *
 * @module
 */

import { KgentsError } from "#core/contract/error";
import { isLoopback } from "#core/text/loopback";
import { isDiskFull } from "#platform/host/disk-space";
import { refuseForeignListener } from "#platform/host/listener-owner";
import { refuseForeignDirectories } from "#platform/host/ownership";
import { acquireLock, type ProcessLock } from "#platform/host/process-lock";
import { portIn, resolveTarget, type TemporalTarget } from "#platform/temporal/address";
import { queueState } from "#platform/temporal/pollers";
import { probe } from "#platform/temporal/probe";
import { ensureWorker, isCurrent, runningWorker, stopWorker } from "./background-worker.ts";
import { awaitServing, startServer, stopServer } from "./server.ts";
import { isGuarded, runningServer, type ServerRecord } from "./server-record.ts";
import { type StackContext, type StackOptions, stackContext } from "./stack-context.ts";
import { ensureUiGuard, guardedUi } from "./ui-guard.ts";

export type { StackOptions } from "./stack-context.ts";

/** What a command that needs Temporal is given. */
export interface Stack {
  /** `host:port` */
  readonly address: string;
  readonly namespace: string;
  /** Whether that server was named by the caller, a variable or a profile, and is used as it is. */
  readonly configured: boolean;
  /** Whether it is the server that we started. */
  readonly managed: boolean;
  /** When the server that we started was started, in ISO 8601; null for another's. */
  readonly startedAt: string | null;
  /** The UI of the server that we started. */
  readonly uiUrl: string | null;
  /** Who serves the task queue: our worker in the background, or others. Where `unknown`, the caller asks the server. */
  readonly worker: "own" | "other" | "unknown";
}

/** How long one command waits for another one that brings the stack up: a download over a slow line. */
const lockMilliseconds = 600_000;
const queueMilliseconds = 5000;

/**
 * Sees to it that a Temporal server and a worker run, and says where. Where all runs already, it takes a few milliseconds.
 *
 * A server that was configured is never started. On this machine it is given a worker where nobody serves the queue; on
 * another one it is not even asked, and the caller refuses where nobody does.
 *
 * @throws KgentsError `stack-start`, `tool-unavailable`, `no-worker`, `temporal-unavailable`, `invalid-configuration`
 */
export async function ensureStack(options: StackOptions = {}): Promise<Stack> {
  const context = stackContext(options);
  refuseForeignDirectories(context.paths);
  const settled = await lookAround(context);
  if (settled) return settled;
  await using _lock = await lockStack(context);
  // Another command may have brought it up while this one waited.
  const meanwhile = await lookAround(context);
  // Awaited here, or the lock would be given free while it goes on.
  return meanwhile ?? (await bringUp(context));
}

/** What `down` found and did. */
export interface StoppedStack {
  readonly worker: "was not running" | "stopped" | "killed";
  readonly temporal: "was not running" | "stopped" | "killed";
}

/** Ends the worker and then the server that we started. The history stays; nothing to do is no error. */
export async function down(options: StackOptions = {}): Promise<StoppedStack> {
  const context = stackContext(options);
  refuseForeignDirectories(context.paths);
  await using _lock = await lockStack(context).catch(withoutLock);
  const worker = await stopWorker(context);
  return { worker, temporal: await stopServer(context) };
}

/** The server to use, taking into account the one that we started. */
export function targetOf(context: StackContext, server: ServerRecord | undefined): TemporalTarget {
  const { environment, address, port } = context;
  return resolveTarget(environment, { address, port, ...(server ? { runningPort: portIn(server.address) } : {}) });
}

const lockStack = (context: StackContext): Promise<ProcessLock> =>
  acquireLock(context.files.lock, {
    waitMilliseconds: lockMilliseconds,
    onWait: ({ pid }) => context.progress(`waiting for process ${pid}, which starts or stops the local stack ...`),
  });

/** On a full disk nobody can take the lock, so nobody starts what is being stopped; and stopping it needs no space. */
function withoutLock(error: unknown): AsyncDisposable {
  if (!isDiskFull(error)) throw error;
  return { [Symbol.asyncDispose]: async () => {} };
}

/** The stack, where nothing has to be done. */
async function lookAround(context: StackContext): Promise<Stack | undefined> {
  const server = await runningServer(context);
  const target = targetOf(context, server);
  if (!context.start || !isLoopback(target.address)) return describe(context, target, server, "unknown");
  const isOurs = server?.address === target.address;
  if (isOurs && !(isPrepared(server, target, context) && isGuarded(server) && (await guardedUi(context, server)))) {
    return undefined;
  }

  const worker = await runningWorker(context, target);
  if (worker && isCurrent(worker)) {
    // A server that is not ours may have gone while our worker waits for it.
    const serves = isOurs || target.origin === "configured" || (await isThere(target));
    return serves ? describe(context, target, server, "own") : undefined;
  }
  if (worker || (!isOurs && target.origin === "local" && !(await isThere(target)))) return undefined;
  const { pollers } = await queueState(target, context.taskQueue, queueMilliseconds);
  return pollers.length > 0 ? describe(context, target, server, "other") : undefined;
}

/**
 * Whether a server that we did not start, and nobody named, listens there.
 *
 * @throws KgentsError `stack-start` where it is another user's
 */
async function isThere({ address }: TemporalTarget): Promise<boolean> {
  if ((await probe(address)).kind !== "temporal") return false;
  await refuseForeignListener(address);
  return true;
}

/** Whether our server serves, with the settings that it takes while it runs. */
const isPrepared = (server: ServerRecord, target: TemporalTarget, context: StackContext): boolean =>
  server.serving &&
  server.namespace === target.namespace &&
  server.retentionMilliseconds === context.retentionMilliseconds;

async function bringUp(context: StackContext): Promise<Stack> {
  const present = await runningServer(context);
  const target = targetOf(context, present);
  const server = target.origin === "local" ? await ensureServer(context, target, present) : present;
  // Before a worker of ours is taken away from another server: one that does not answer must not cost it.
  if (target.origin === "configured") await queueState(target, context.taskQueue, queueMilliseconds);
  await ensureWorker(context, target);
  return describe(context, target, server, "own");
}

async function ensureServer(
  context: StackContext,
  target: TemporalTarget,
  present: ServerRecord | undefined,
): Promise<ServerRecord | undefined> {
  if (present?.address === target.address) {
    if (!isGuarded(present) && (await mayRestart(context, target))) {
      await stopServer(context);
      return startServer(context, target);
    }
    if (isGuarded(present)) await ensureUiGuard(context, present);
    return isPrepared(present, target, context) ? present : awaitServing(context, target, present);
  }
  const { kind } = await probe(target.address);
  if (kind !== "nothing") await refuseForeignListener(target.address);
  if (kind === "temporal") return undefined;
  if (kind === "other") {
    throw new KgentsError("stack-start", `port ${portIn(target.address)} is taken by something that is not Temporal`, {
      remedy: "Choose another port with KGENTS_PORT.",
    });
  }
  if (present) {
    // Two servers on one database would ruin it.
    throw new KgentsError(
      "stack-start",
      `the local Temporal server runs at ${present.address}, not at ${target.address}`,
      {
        remedy: "Stop it with `kgents down`, or leave the port out to use it where it is.",
      },
    );
  }
  return startServer(context, target);
}

/** Whether a server that web pages can reach is started anew: that disturbs what runs. */
async function mayRestart(context: StackContext, target: TemporalTarget): Promise<boolean> {
  const what = "the Temporal server of an older kgents, which web pages in a browser of this machine can reach";
  const isIdle = ((await runningWorker(context, target))?.activeRuns ?? 0) === 0;
  context.progress(isIdle ? `restarting ${what}` : `${what} goes on until the worker is idle`);
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
    startedAt: ours?.startedAt ?? null,
    uiUrl: (ours && isGuarded(ours) && (await guardedUi(context, ours))) || null,
    worker,
  };
}

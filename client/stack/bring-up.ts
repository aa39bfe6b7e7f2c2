/**
 * Starts the local stack. Loaded on demand: most commands find everything running.
 *
 * @module
 */
import { KgentsError } from "#core/contract/error";
import { refuseForeignListener } from "#platform/host/listener-owner";
import { isGuarded, type ServerRecord } from "#platform/host/server-record";
import { portIn, type TemporalTarget } from "#platform/temporal/address";
import { probe } from "#platform/temporal/probe";
import { ensureWorker, runningWorker, stopWorker } from "./background-worker.ts";
import { isPrepared } from "./prepared-server.ts";
import { askForWorkers } from "./queue-workers.ts";
import { awaitServing, type StartedServer, startServer, stopServer } from "./server.ts";
import type { StackContext } from "./stack-context.ts";
import { ensureUiGuard } from "./ui-guard.ts";

/**
 * Starts what does not run: server, guard of the UI, worker. The caller must hold the stack's lock.
 *
 * @returns our server, if it is the one to use
 * @throws KgentsError `stack-start`, `tool-unavailable`, `no-worker`, `temporal-unavailable`
 */
export async function bringUp(
  context: StackContext,
  target: TemporalTarget,
  present: ServerRecord | undefined,
): Promise<ServerRecord | undefined> {
  if (target.origin === "configured") {
    // Check the server before our worker leaves another one for it: an unavailable server must not cost the worker.
    await askForWorkers(context, target);
    await ensureWorker(context, target);
    return present;
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
  return served.value;
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

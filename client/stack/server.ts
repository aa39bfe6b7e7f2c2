/**
 * The embedded Temporal server: the development server of the `temporal` command, in the background.
 *
 * @module
 */

import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { KgentsError } from "#core/contract/error";
import { messageOf } from "#core/text/message-of";
import { createBackoff } from "#platform/host/backoff";
import { fullDiskBehind } from "#platform/host/disk-space";
import { refuseForeignListener } from "#platform/host/listener-owner";
import { isRunning } from "#platform/host/process-identity";
import { type GuardedServer, runningServer, type ServerRecord } from "#platform/host/server-record";
import { writeStateFile } from "#platform/host/state-file";
import { portIn, type TemporalTarget } from "#platform/temporal/address";
import { probe } from "#platform/temporal/probe";
import { serverEnvironment } from "./background-environment.ts";
import { type BackgroundProcess, howItEnded, startInBackground, stopProcess } from "./background-process.ts";
import { serverArguments } from "./server-settings.ts";
import type { StackContext } from "./stack-context.ts";
import { findTemporalBinary } from "./temporal-binary.ts";
import { ensureUiGuard, stopUiGuard } from "./ui-guard.ts";
import { freePort, hiddenPlace } from "./ui-port.ts";

/**
 * How long the server may take to start, in milliseconds. It usually takes 0.3 s, with a large database on a slow disk
 * more.
 */
const startMilliseconds = 60_000;
/** How long the server may take to close its database, in milliseconds. */
const stopMilliseconds = 10_000;

/** A server whose process runs. */
export interface StartedServer {
  /** Resolves when it serves. Rejects with a KgentsError `stack-start` or `disk-full`. */
  readonly serving: Promise<ServerRecord>;
}

/**
 * Starts the server. The caller must hold the stack's lock, and nothing may listen at the address.
 *
 * @throws KgentsError `stack-start`, `tool-unavailable`
 */
export async function startServer(context: StackContext, target: TemporalTarget): Promise<StartedServer> {
  const { environment, paths, progress, files } = context;
  const cli = await findTemporalBinary({ environment, cacheDirectory: paths.cache, progress });
  const port = portIn(target.address);
  const [ui, httpPort] = await Promise.all([hiddenPlace(), freePort()]);
  const http = { port: httpPort, host: `${randomBytes(16).toString("hex")}.kgents.invalid` };
  // Schemas are not migrated between versions: another version starts a new file, and the old one is kept.
  const database = join(paths.state, `temporal-${cli.version}.db`);
  progress(`starting Temporal ${cli.version} at ${target.address} ...`);
  const about = {
    address: target.address,
    namespace: target.namespace,
    uiAddress: `${ui.host}:${ui.port}`,
    httpAddress: `127.0.0.1:${http.port}`,
    httpHost: http.host,
    version: cli.version,
    cli: cli.path,
    database,
    startedAt: new Date().toISOString(),
    retentionMilliseconds: 0,
    serving: false,
  };
  const server = await startInBackground(cli.path, serverArguments({ port, ui, http, database }), {
    log: files.serverLog,
    environment: serverEnvironment(environment),
    record: (identity) => writeStateFile(files.server, { ...identity, ...about }),
  });
  const record: GuardedServer = { ...server.identity, ...about };
  return { serving: awaitGuarded(context, target, record, server) };
}

/** Waits for the server and for the guard of its UI, which starts concurrently. */
async function awaitGuarded(
  context: StackContext,
  target: TemporalTarget,
  record: GuardedServer,
  server: BackgroundProcess,
): Promise<ServerRecord> {
  const [serving, guarding] = await Promise.allSettled([
    awaitServing(context, target, record, server),
    ensureUiGuard(context, record),
  ]);
  if (serving.status === "rejected") throw serving.reason;
  if (guarding.status === "rejected") throw guarding.reason;
  return serving.value;
}

/**
 * Waits until a started server serves, and applies the settings that can change at run time.
 *
 * @throws KgentsError `stack-start`, `disk-full`
 */
export async function awaitServing(
  context: StackContext,
  { address, namespace }: TemporalTarget,
  record: ServerRecord,
  server?: BackgroundProcess,
): Promise<ServerRecord> {
  const { files, retentionMilliseconds } = context;
  // Temporal's client takes a quarter of a second to load, so load it while the server starts.
  const loading = import("#platform/temporal/namespace");
  try {
    await untilServing(record);
    await refuseForeignListener(address);
    const { prepareNamespace } = await loading;
    await prepareNamespace(address, namespace, retentionMilliseconds);
    // The response may have come from another server that took the port first.
    if (!(await isRunning(record))) throw new Error("it ended");
  } catch (error) {
    const ended = !(await isRunning(record));
    await stopProcess(record, stopMilliseconds);
    const what = `Temporal did not start at ${address}`;
    // The server exits without a message if its database cannot grow.
    const fullDisk = await fullDiskBehind(what, context.paths.state, error);
    if (fullDisk) throw fullDisk;
    const said = (await server?.lastLines()) || "its log is empty";
    const why = server && ended ? `${await howItEnded(server)}\n${said}` : messageOf(error);
    throw new KgentsError("stack-start", `${what}: ${why}`, {
      cause: error,
      remedy: `Check ${files.serverLog}.`,
    });
  }
  const serving: ServerRecord = { ...record, namespace, retentionMilliseconds, serving: true };
  await writeStateFile(files.server, serving);
  return serving;
}

/** Stops our server and the guard of its UI. The history stays. */
export async function stopServer(context: StackContext): Promise<"was not running" | "stopped" | "killed"> {
  const record = await runningServer(context.files.server);
  await stopUiGuard(context);
  return record ? stopProcess(record, stopMilliseconds) : "was not running";
}

async function untilServing(record: ServerRecord): Promise<void> {
  const deadline = performance.now() + startMilliseconds;
  const backoff = createBackoff({ first: 10, longest: 100, factor: 1.5 });
  while ((await probe(record.address)).kind !== "temporal") {
    if (performance.now() > deadline) throw new Error(`it did not serve within ${startMilliseconds / 1000} s`);
    if (!(await isRunning(record))) throw new Error("it ended");
    await backoff.pause();
  }
}

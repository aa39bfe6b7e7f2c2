import { randomUUID } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Client, Connection } from "@temporalio/client";
import { Worker } from "@temporalio/worker";
import type { CellProvider } from "#cells/provider";
import type { ExecutionHandle } from "#client/sdk/execution-handle";
import { type StartOptions, startExecution } from "#client/sdk/start-execution";
import { grpcRuns } from "#client/sdk/temporal/grpc-runs";
import { parseConfiguration } from "#core/configuration/configuration";
import type { ExecutionRequest } from "#core/contract/request";
import type { BackendName, ExecutionResult } from "#core/contract/result";
import { createLogger } from "#platform/host/logger";
import { kgentsPaths, type Paths } from "#platform/host/paths";
import { type DirectoryStore, openDirectoryStore } from "#platform/store/directory-store";
import { loadTemporalConfiguration } from "#platform/temporal/temporal-configuration";
import { workflowSinks } from "#worker/interceptors";
import { installRuntime } from "#worker/logging";
import { type RunningWorker, startWorker } from "#worker/run-worker";

process.env.LOG_LEVEL ??= "error";
const log = createLogger();
let runtimeInstalled = false;

/**
 * Installs Temporal's runtime, which is possible only once in a process and before its first use. Without this, it logs
 * with its defaults.
 */
export function ensureRuntime(): void {
  if (!runtimeInstalled) installRuntime(log, undefined);
  runtimeInstalled = true;
}

/** A worker in this process, with its own task queue and directories, and a client for it. */
export interface TestWorker extends AsyncDisposable {
  readonly client: Client;
  readonly taskQueue: string;
  readonly paths: Paths;
  readonly store: DirectoryStore;
  readonly worker: RunningWorker;
  readonly start: (
    request: ExecutionRequest,
    options?: StartOptions & { shareStore?: boolean },
  ) => Promise<ExecutionHandle>;
  readonly run: (request: ExecutionRequest) => Promise<ExecutionResult>;
}

/** The built workflow bundle. */
export const bundlePath = fileURLToPath(new URL("../../dist/worker/workflow-bundle.js", import.meta.url));

let replaying: Promise<unknown> = Promise.resolve();

/** Replays all histories of a task queue against the built bundle. Each path must be deterministic. */
export function replayAll(client: Client, taskQueue: string): Promise<number> {
  // One replay at a time: the runtime shuts down with its last user, and a replay that starts at that moment fails.
  const replayed = replaying.then(() => replayQueue(client, taskQueue));
  replaying = replayed.catch(() => {});
  return replayed;
}

async function replayQueue(client: Client, taskQueue: string): Promise<number> {
  ensureRuntime();
  const histories = client.workflow.list({ query: `TaskQueue = '${taskQueue}'` }).intoHistories();
  let replayed = 0;
  for await (const { workflowId, error } of Worker.runReplayHistories(
    { workflowBundle: { codePath: bundlePath }, sinks: workflowSinks(undefined) },
    histories,
  )) {
    if (error) throw new Error(`the history of ${workflowId} does not replay`, { cause: error });
    replayed += 1;
  }
  return replayed;
}

/** Starts a worker against the tests' Temporal server. */
export async function startTestWorker(
  address: string,
  options: {
    providers?: Partial<Record<BackendName, CellProvider>>;
    configuration?: Record<string, unknown>;
    taskQueue?: string;
    drainMilliseconds?: number;
    cacheDirectory?: string;
  } = {},
): Promise<TestWorker> {
  ensureRuntime();
  const directory = await mkdtemp(join(tmpdir(), "kgents-worker-"));
  const taskQueue = options.taskQueue ?? `test-${randomUUID()}`;
  const worker = { taskQueue, maximumCells: 20, ...(options.configuration?.worker as object | undefined) };
  const paths: Paths = {
    // Tools are shared with the user's cache: they are downloads verified by hash.
    cache: options.cacheDirectory ?? kgentsPaths().cache,
    state: join(directory, "state"),
    config: join(directory, "config"),
  };
  const running = await startWorker({
    configuration: parseConfiguration({ ...options.configuration, worker }),
    paths,
    log,
    bundlePath,
    address,
    drainMilliseconds: options.drainMilliseconds ?? 1000,
    ...(options.providers ? { providers: options.providers } : {}),
  });
  // Like the worker: the standard variables also configure the certificates of the production server.
  const { connectionOptions, namespace } = loadTemporalConfiguration();
  const connection = await Connection.connect({ ...connectionOptions, address });
  const client = new Client({ connection, ...(namespace === undefined ? {} : { namespace }) });
  const store = await openDirectoryStore(join(paths.state, "artifacts"));
  const start: TestWorker["start"] = (request, { shareStore = true, ...startOptions } = {}) =>
    startExecution(grpcRuns(client), taskQueue, shareStore ? store : undefined, request, startOptions);
  return {
    client,
    taskQueue,
    paths,
    store,
    worker: running,
    start,
    run: async (request) => (await start(request)).result(),
    [Symbol.asyncDispose]: async () => {
      await running.stop();
      await replayAll(client, taskQueue);
      await connection.close();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

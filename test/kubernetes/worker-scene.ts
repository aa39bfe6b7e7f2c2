/**
 * Workers as processes that can be killed or stopped, with a namespace, a queue and optionally a Temporal server of
 * their own.
 */
import { randomUUID } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Client, Connection } from "@temporalio/client";
import { inject } from "vitest";
import type { ExecutionHandle } from "#client/sdk/execution-handle";
import { startExecution } from "#client/sdk/start-execution";
import { grpcRuns } from "#client/sdk/temporal/grpc-runs";
import type { ExecutionRequest } from "#core/contract/request";
import { type DirectoryStore, openDirectoryStore } from "#platform/store/directory-store";
import { type DevServer, freePort, startDevServer } from "../support/dev-server.ts";
import { startWorkerProcess, type WorkerProcess } from "../support/worker-process.ts";
import { type CellNamespace, cellNamespace, cluster } from "./support.ts";

export interface WorkerScene extends AsyncDisposable {
  /** Removed with the scene. */
  readonly directory: string;
  readonly namespace: CellNamespace;
  readonly taskQueue: string;
  readonly client: Client;
  /** The store of the workers with the usual state directory. */
  readonly store: DirectoryStore;
  /** Starts a worker with the usual state directory, or with another one. */
  readonly startWorker: (options?: {
    readonly state?: string;
    readonly flags?: string[];
    readonly environment?: NodeJS.ProcessEnv;
    /** @default the cluster's own */
    readonly kubeconfig?: string;
  }) => Promise<WorkerProcess>;
  readonly start: (request: ExecutionRequest) => Promise<ExecutionHandle>;
  /** The Temporal server of this scene only, which can be frozen and killed. */
  readonly server: { readonly current: DevServer; readonly restart: () => Promise<void> };
}

async function ownServer(directory: string): Promise<WorkerScene["server"]> {
  const [port, uiPort] = [await freePort(), await freePort()];
  const start = () => startDevServer(inject("temporalBinary"), join(directory, "temporal.db"), { port, uiPort });
  let current = await start();
  return {
    get current() {
      return current;
    },
    restart: async () => {
      current = await start();
    },
  };
}

/** Sets up a scene. @param options.ownServer whether it has its own Temporal server, instead of the shared one */
export async function workerScene(options: { readonly ownServer?: boolean } = {}): Promise<WorkerScene> {
  const directory = await mkdtemp(join(tmpdir(), "kgents-scene-"));
  const namespace = await cellNamespace();
  const server = options.ownServer ? await ownServer(directory) : undefined;
  const address = server?.current.address ?? inject("temporalAddress");
  const connection = await Connection.connect({ address });
  const client = new Client({ connection });
  const taskQueue = `scene-${randomUUID()}`;
  const configuration = join(directory, "kgents.config.yaml");
  const worker = { backends: ["kubernetes"], kubernetes: { namespace: namespace.name } };
  await writeFile(configuration, JSON.stringify({ worker }));
  const usual = join(directory, "usual");
  const store = await openDirectoryStore(join(usual, "state", "kgents", "artifacts"));
  const workers: WorkerProcess[] = [];
  return {
    directory,
    namespace,
    taskQueue,
    client,
    store,
    startWorker: async ({ state, flags = [], environment = {}, kubeconfig = cluster.kubeconfig } = {}) => {
      const started = await startWorkerProcess(address, taskQueue, state ? join(directory, state) : usual, {
        flags: ["--config", configuration, ...flags],
        environment: { ...environment, KUBECONFIG: kubeconfig },
      });
      workers.push(started);
      return started;
    },
    start: (request) => startExecution(grpcRuns(client), taskQueue, store, request, {}),
    get server() {
      if (server) return server;
      throw new Error("this scene has no server of its own");
    },
    [Symbol.asyncDispose]: async () => {
      await Promise.all(workers.map((each) => each.end("SIGKILL")));
      await connection.close();
      // A frozen server cannot react to a graceful stop.
      await server?.current.kill();
      await namespace[Symbol.asyncDispose]();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

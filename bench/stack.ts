import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Client, Connection } from "@temporalio/client";
import { findBubblewrap } from "#cells/subprocess/machine/find-bubblewrap";
import { startExecution } from "#client/sdk/start-execution";
import { grpcRuns } from "#client/sdk/temporal/grpc-runs";
import { findTemporalBinary } from "#client/stack/temporal-binary";
import { kgentsPaths } from "#platform/host/paths";
import { openDirectoryStore } from "#platform/store/directory-store";
import { type DevServer, startDevServer } from "../test/support/dev-server.ts";
import { startWorkerProcess } from "../test/support/worker-process.ts";

/** Finds or installs the tools, as the product does. */
export async function tools(): Promise<{ temporal: string; bubblewrap: string }> {
  const cacheDirectory = kgentsPaths().cache;
  const log = (line: string): void => void process.stderr.write(`bench: ${line}\n`);
  const temporal = await findTemporalBinary({ cacheDirectory, progress: log });
  return { temporal: temporal.path, bubblewrap: await findBubblewrap({ cacheDirectory, installTools: true, log }) };
}

/** A server with kgents' worker and the peer's worker. */
export interface BenchStack extends AsyncDisposable {
  readonly client: Client;
  readonly serverPid: number;
  readonly workerPid: number;
  /** One run of `true` through the API. */
  readonly runTrue: () => Promise<void>;
  /** One run of the peer. */
  readonly runPeer: () => Promise<void>;
}

/**
 * Starts the server and both workers, each as a process of its own.
 *
 * @param options.server a running server with the namespace `default`, stopped with the rest. @default a development
 *   server
 * @param options.stock whether the development server runs with its own defaults instead of kgents' settings
 */
export async function startBenchStack(
  binaries: { temporal: string; bubblewrap: string },
  options: { stock?: boolean; server?: Pick<DevServer, "address" | "pid" | "stop"> } = {},
): Promise<BenchStack> {
  const directory = await mkdtemp(join(tmpdir(), "kgents-bench-"));
  const server = options.server ?? (await startDevServer(binaries.temporal, join(directory, "temporal.db"), options));
  const worker = await startWorkerProcess(server.address, "bench", directory, { environment: { LOG_LEVEL: "info" } });
  const peer = spawn(
    process.execPath,
    [fileURLToPath(new URL("./peer/worker.ts", import.meta.url)), server.address, binaries.bubblewrap, "peer"],
    { stdio: ["ignore", "pipe", "inherit"] },
  );
  await once(peer.stdout, "data");
  const connection = await Connection.connect({ address: server.address });
  const client = new Client({ connection });
  const store = await openDirectoryStore(join(directory, "state", "kgents", "artifacts"));
  let number = 0;
  return {
    client,
    serverPid: server.pid,
    workerPid: worker.pid,
    runTrue: async () => {
      const handle = await startExecution(grpcRuns(client), "bench", store, { code: "true", language: "sh" }, {});
      const { status } = await handle.result();
      if (status !== "succeeded") throw new Error(`a run ended as ${status}`);
    },
    runPeer: async () => {
      number += 1;
      await client.workflow.execute("peer", { taskQueue: "peer", workflowId: `peer-${number}` });
    },
    [Symbol.asyncDispose]: async () => {
      await connection.close();
      await worker.end("SIGTERM");
      const ended = once(peer, "exit");
      peer.kill("SIGTERM");
      await ended;
      await server.stop();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

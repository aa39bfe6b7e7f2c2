import { randomUUID } from "node:crypto";
import { mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Client, Connection } from "@temporalio/client";
import { startExecution } from "#client/sdk/start-execution";
import { grpcRuns } from "#client/sdk/temporal/grpc-runs";
import type { ExecutionRequest } from "#core/contract/request";
import { freePort } from "../support/dev-server.ts";
import { startWorkerProcess, type WorkerProcess } from "../support/worker-process.ts";

/** A separate worker process with a metrics endpoint, and a client for it. */
export interface MeasuredWorker extends AsyncDisposable {
  readonly client: Client;
  readonly taskQueue: string;
  /** The directory of its state. */
  readonly directory: string;
  readonly metricsPort: number;
  readonly process: WorkerProcess;
  readonly run: (request: ExecutionRequest) => Promise<{ status: string }>;
  /** Starts a run without validation, like a program in another language. Resolves with the failure's type. */
  readonly refused: (request: unknown) => Promise<string | undefined>;
  /** Carries out a run whose output cannot be stored. */
  readonly runWithoutStore: (request: ExecutionRequest) => Promise<{ status: string }>;
}

/** Without a named cluster, the tests must not use this machine's own. */
const flags = (port: number, { KUBECONFIG }: NodeJS.ProcessEnv): string[] => [
  ...["--metrics-port", String(port), "--maximum-cells", "2"],
  ...(KUBECONFIG === undefined ? ["--backends", "subprocess"] : []),
];

/** Starts `kgents worker --metrics-port`. */
export async function startMeasuredWorker(
  address: string,
  environment: NodeJS.ProcessEnv = {},
): Promise<MeasuredWorker> {
  const directory = await mkdtemp(join(tmpdir(), "kgents-measured-"));
  const taskQueue = `measured-${randomUUID()}`;
  const metricsPort = await freePort();
  const process = await startWorkerProcess(address, taskQueue, directory, {
    ...{ flags: flags(metricsPort, environment), environment },
  });
  const connection = await Connection.connect({ address });
  const client = new Client({ connection });
  const run: MeasuredWorker["run"] = async (request) =>
    (await startExecution(grpcRuns(client), taskQueue, undefined, request, {})).result();
  const runs = join(directory, "state", "kgents", "artifacts", "runs");
  return {
    ...{ client, taskQueue, directory, metricsPort, process, run },
    refused: async (request) => {
      const workflowId = `refused-${randomUUID()}`;
      const ended = client.workflow.execute("executeCode", { workflowId, taskQueue, args: [request] });
      return ended.then(
        () => undefined,
        (error) => error.cause?.type,
      );
    },
    runWithoutStore: async (request) => {
      await rename(runs, `${runs}-away`);
      await writeFile(runs, "where the store's directory was");
      try {
        return await run(request);
      } finally {
        await rm(runs);
        await rename(`${runs}-away`, runs);
      }
    },
    [Symbol.asyncDispose]: async () => {
      await connection.close();
      await process.end("SIGTERM");
      await rm(directory, { recursive: true, force: true });
    },
  };
}

import { randomUUID } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Client, Connection } from "@temporalio/client";
import { startBatch } from "#client/sdk/batch/start-batch";
import { grpcRuns } from "#client/sdk/temporal/grpc-runs";
import type { ExecutionRequest } from "#core/contract/request";
import { startDevServer } from "../test/support/dev-server.ts";
import { startWorkerProcess, type WorkerProcess } from "../test/support/worker-process.ts";
import { inPairs } from "./statistics.ts";

/** Places for cells of each worker: the default. */
const places = 10;

/** Two kinds of batch: runs that mostly wait, as most real work does, and runs that are only overhead. */
const kinds: readonly { name: string; count: number; request: ExecutionRequest; rounds: number; goal: string }[] = [
  { name: "`sleep 2`", count: 120, request: { code: "sleep 2", language: "sh" }, rounds: 3, goal: ">= 1.5" },
  { name: "`true`", count: 2000, request: { code: "true", language: "sh" }, rounds: 1, goal: "none" },
];

/**
 * Compares a batch on two workers with the same batch on one. Two queues of one server, measured in turn, so both
 * series see the same load.
 */
export async function* measureBatch({ temporal }: { temporal: string }): AsyncGenerator<string> {
  const directory = await mkdtemp(join(tmpdir(), "kgents-bench-"));
  const server = await startDevServer(temporal, join(directory, "temporal.db"));
  const workers: WorkerProcess[] = [];
  const connection = await Connection.connect({ address: server.address });
  try {
    for (const [queue, count] of Object.entries({ one: 1, two: 2 })) {
      for (let number = 0; number < count; number += 1) {
        workers.push(await startWorkerProcess(server.address, queue, join(directory, `${queue}-${number}`)));
      }
    }
    const client = new Client({ connection });
    for (const { name, count, request, rounds, goal } of kinds) {
      const rate = (queue: string) => async (): Promise<number> => {
        const began = performance.now();
        const requests = Array.from({ length: count }, () => request);
        const options = { id: `batch-${randomUUID()}`, concurrency: 4 * places };
        const { outcomes } = await (await startBatch(grpcRuns(client), queue, undefined, requests, options)).summary();
        if (outcomes.succeeded !== count) throw new Error(`a batch ended as ${JSON.stringify(outcomes)}`);
        return (count * 1000) / (performance.now() - began);
      };
      const { ours, peer, ratio } = await inPairs(rounds, 0, rate("two"), rate("one"));
      yield `batch of ${count} ${name}: ${ours.toFixed(1)} runs/s with two workers, ${peer.toFixed(1)} with one: ${ratio.toFixed(2)} x (goal ${goal})`;
    }
  } finally {
    await connection.close();
    for (const worker of workers) await worker.end("SIGTERM");
    await server.stop();
    await rm(directory, { recursive: true, force: true });
  }
}

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createReadStream } from "node:fs";
import { mkdir, mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as wait } from "node:timers/promises";
import { Client, Connection, type WorkflowExecutionInfo } from "@temporalio/client";
import { type BatchProgress, batchProgressQuery, batchRunId, endedOf } from "#core/contract/batch";
import { startDevServer } from "../test/support/dev-server.ts";
import { kgentsEntry, startWorkerProcess, type WorkerProcess } from "../test/support/worker-process.ts";
import { residentMebibytes } from "./memory.ts";

const queue = "large-batch";
/** The batch's id, by which the second command attaches to it. */
const id = "large-batch";
/** Runs at once: two workers with their default of 10 places each. */
const concurrency = 20;

/** Checks that each request has one result, in the order of the requests, of code that was started once. */
async function check(results: string, count: number): Promise<void> {
  let index = 0;
  for await (const line of createInterface({ input: createReadStream(results) })) {
    const result = JSON.parse(line);
    const expected = batchRunId(id, index);
    if (result.id !== expected || result.status !== "succeeded" || result.attempts !== 1)
      throw new Error(`line ${index + 1}: ${line.slice(0, 300)} in the place of ${expected}`);
    index += 1;
  }
  if (index !== count) throw new Error(`${index} results for ${count} requests`);
}

const range = (values: readonly number[], unit: (value: number) => string): string =>
  `${unit(Math.min(...values))} to ${unit(Math.max(...values))}`;

/**
 * Runs a large batch of `true` by the command line, with two workers. The command is killed halfway, and started again
 * with the same id. Throws if the results are wrong.
 */
export async function* measureLargeBatch({ temporal }: { temporal: string }, count: number): AsyncGenerator<string> {
  const directory = await mkdtemp(join(tmpdir(), "kgents-bench-"));
  const database = join(directory, "temporal.db");
  const server = await startDevServer(temporal, database);
  const workers: WorkerProcess[] = [];
  const connection = await Connection.connect({ address: server.address });
  try {
    const { workflow } = new Client({ connection });
    for (let number = 0; number < 2; number += 1)
      workers.push(await startWorkerProcess(server.address, queue, directory));
    const memory = async (): Promise<string> => {
      const sizes = await Promise.all([server, ...workers].map(({ pid }) => residentMebibytes(pid)));
      const [ofServer, ...ofWorkers] = sizes.map((size) => size.toFixed(0));
      return `server ${ofServer} MiB, workers ${ofWorkers.join(" and ")} MiB`;
    };
    await mkdir(join(directory, "config", "kgents"), { recursive: true });
    await writeFile(join(directory, "config", "kgents", "kgents.config.yaml"), `worker: { taskQueue: ${queue} }\n`);
    const [requests, results] = [join(directory, "requests.ndjson"), join(directory, "results.ndjson")];
    await writeFile(requests, `${JSON.stringify({ code: "true", language: "sh" })}\n`.repeat(count));
    const start = (): ChildProcess =>
      spawn(
        process.execPath,
        [kgentsEntry, "batch", requests, "--id", id, "--results", results, "--concurrency", String(concurrency)],
        {
          cwd: directory,
          stdio: ["ignore", "inherit", "inherit"],
          env: {
            ...process.env,
            TEMPORAL_ADDRESS: server.address,
            XDG_STATE_HOME: join(directory, "state"),
            XDG_CONFIG_HOME: join(directory, "config"),
          },
        },
      );
    yield `before: ${await memory()}`;
    const began = performance.now();
    const seconds = (): string => ((performance.now() - began) / 1000).toFixed(0);
    const killed = start();
    const ended = async (): Promise<number> =>
      endedOf(
        await workflow
          .getHandle(id)
          .query<BatchProgress>(batchProgressQuery)
          .catch(() => ({ outcomes: {} }) as BatchProgress),
      );
    for (let told = 0, runs = 0; runs < count / 2; await wait(1000)) {
      runs = await ended();
      if (runs >= told + count / 10) {
        told = runs;
        yield `after ${seconds()} s: ${runs} runs, ${await memory()}`;
      }
    }
    const ofCommand = await residentMebibytes(killed.pid ?? 0);
    killed.kill("SIGKILL");
    await once(killed, "exit");
    yield `the command has ${ofCommand.toFixed(0)} MiB; it is killed after ${seconds()} s, and taken up again`;
    const [code] = await once(start(), "exit");
    const took = (performance.now() - began) / 1000;
    if (code !== 0) throw new Error(`kgents batch ended with ${code}`);
    await check(results, count);
    const { count: runs } = await workflow.count("WorkflowType = 'executeCode'");
    if (runs !== count) throw new Error(`${runs} runs for ${count} requests`);
    yield `${count} results in order, exit code 0, after ${took.toFixed(0)} s: ${(count / took).toFixed(1)} runs/s`;
    yield `after: ${await memory()}, database ${((await stat(database)).size / 2 ** 20).toFixed(0)} MiB`;
    const windows: WorkflowExecutionInfo[] = [];
    for await (const info of workflow.list({ query: `WorkflowId = '${id}'` })) windows.push(info);
    const events = windows.map(({ historyLength }) => historyLength);
    const sizes = windows.map(({ historySize }) => historySize ?? 0);
    yield `${windows.length} histories of the batch: ${range(events, String)} events, ${range(sizes, (size) => `${(size / 2 ** 20).toFixed(2)} MiB`)}`;
  } finally {
    await connection.close();
    for (const worker of workers) await worker.end("SIGTERM");
    await server.stop();
    await rm(directory, { recursive: true, force: true });
  }
}

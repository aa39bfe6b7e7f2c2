/** Two workers as separate processes, and clients that have only the address and a certificate. */
import { randomUUID } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Client, Connection } from "@temporalio/client";
import { afterAll, beforeAll, expect, inject, it } from "vitest";
import { loadTemporalConfiguration } from "#platform/temporal/temporal-configuration";
import { type CommandLine, createCommandLine } from "../support/command-line.ts";
import { startWorkerProcess, type WorkerProcess } from "../support/worker-process.ts";

const namespace = `topology-${randomUUID()}`;
const address = inject("temporalAddress");
const environment = { ...inject("productionEnvironment"), TEMPORAL_NAMESPACE: namespace };

let directory: string;
let commandLine: CommandLine;
const workers: WorkerProcess[] = [];
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "kgents-topology-"));
  commandLine = await createCommandLine({ environment });
  expect(await commandLine.run(["admin", "setup"])).toMatchObject({ code: 0 });
  for (const name of ["one", "two"]) {
    // Each with its own state directory, as on two hosts.
    workers.push(await startWorkerProcess(address, "kgents", join(directory, name), { environment }));
  }
});
afterAll(async () => {
  for (const worker of workers) await worker.end("SIGTERM");
  await commandLine[Symbol.asyncDispose]();
  await rm(directory, { recursive: true, force: true });
});

/** Carries out runs concurrently, and returns their ids once all have the expected output. */
async function runAll(count: number): Promise<string[]> {
  const ids = Array.from({ length: count }, () => `run-${randomUUID()}`);
  const ended = await Promise.all(
    ids.map((id, index) => commandLine.run(["exec", "--id", id, "--lang", "sh", "--code", `echo ${index}; sleep 1`])),
  );
  expect(ended.map(({ code, stdout }) => [code, stdout])).toEqual(ids.map((_, index) => [0, `${index}\n`]));
  return ids;
}

it("both workers carry runs, whose output reaches a client that shares nothing with them", async () => {
  const ids = await runAll(10);
  const connection = await Connection.connect({
    ...loadTemporalConfiguration(environment).connectionOptions,
  });
  try {
    const client = new Client({ connection, namespace });
    const identities = new Set<string>();
    for (const id of ids) {
      const { events } = await client.workflow.getHandle(id).fetchHistory();
      for (const { activityTaskStartedEventAttributes: started } of events ?? []) {
        if (started?.identity) identities.add(started.identity);
      }
    }
    expect(identities.size).toBe(2);
  } finally {
    await connection.close();
  }
  const listed = await commandLine.run(["ps", "--all"]);
  expect(
    listed.stdout
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line).id)
      .sort(),
  ).toEqual([...ids].sort());
});

it("when one of them is killed, the other carries what comes", async () => {
  const [first] = workers;
  await first?.end("SIGKILL");
  await runAll(4);
});

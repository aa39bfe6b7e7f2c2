/** Limits of a worker and of a task queue: runs wait and report it; none fails. */

import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import type { CellProvider } from "#cells/provider";
import { type CommandLine, createCommandLine } from "../support/command-line.ts";
import { scriptedProvider } from "../support/scripted-provider.ts";
import { startTestWorker } from "../support/test-worker.ts";
import { startWorkerProcess } from "../support/worker-process.ts";

const address = inject("temporalAddress");
let terminal: CommandLine;
beforeAll(async () => {
  terminal = await createCommandLine({ environment: { TEMPORAL_ADDRESS: address } });
});
afterAll(() => terminal[Symbol.asyncDispose]());

test.each<[string, CellProvider["reach"]]>([
  ["of a worker's machine", "host"],
  ["in a cluster", "everywhere"],
])("starts in a second are limited for all workers of a queue together: cells %s", async (_, reach) => {
  const taskQueue = `limits-${randomUUID()}`;
  const starts: number[] = [];
  const backend = scriptedProvider("subprocess", {
    reach,
    maximumCells: 50,
    maximumStartsPerSecond: 4,
    acquire: () => void starts.push(performance.now()),
  });
  const configuration = { worker: { maximumStartsPerSecond: 4 } };
  const options = { taskQueue, providers: { subprocess: backend }, configuration };
  await using one = await startTestWorker(address, options);
  await using other = await startTestWorker(address, options);
  expect(other.taskQueue).toBe(taskQueue);
  const handles = await Promise.all(Array.from({ length: 20 }, () => one.start({ code: "x" })));
  const results = await Promise.all(handles.map((handle) => handle.result()));
  expect(results.map(({ status }) => status)).toEqual(results.map(() => "succeeded"));
  expect(starts.length).toBe(20);
  // Starts that accumulated while idle may happen at once; all later ones keep to the rate.
  expect((starts.at(-1) ?? 0) - (starts[0] ?? 0)).toBeGreaterThan(3000);
});

test("exec and show say that a run waits for a place", async () => {
  const taskQueue = `limits-${randomUUID()}`;
  await terminal.file("config/kgents/kgents.config.yaml", `worker: { taskQueue: ${taskQueue} }\n`);
  const flags = ["--backends", "subprocess", "--maximum-cells", "1"];
  const worker = await startWorkerProcess(address, taskQueue, join(terminal.directory, "elsewhere"), { flags });
  const holder = terminal.start([
    "exec",
    "--id",
    `holder-${taskQueue}`,
    "--code",
    "echo begun; sleep 600",
    "--lang",
    "sh",
  ]);
  await holder.says("stdout", "begun");
  const waiting = terminal.start(["exec", "--id", `next-${taskQueue}`, "--priority", "1", "--code", "print('done')"]);
  const words = "waiting on its worker: all sandbox slots are taken; this run is next";
  await waiting.says("stderr", `kgents: run next-${taskQueue}: ${words}\n`);
  expect((await terminal.run(["show", `next-${taskQueue}`])).stdout).toContain(`running, ${words}\n`);
  const { stdout: json } = await terminal.run(["show", "--json", `next-${taskQueue}`]);
  expect(JSON.parse(json)).toMatchObject({ waiting: { ahead: 0 }, phase: "provisioning" });
  const quiet = terminal.start(["exec", "--quiet", "--detach", "--code", "print('quiet')"]);
  expect(await quiet.ended).toMatchObject({ code: 0, stderr: "" });
  expect((await terminal.run(["cancel", `holder-${taskQueue}`])).code).toBe(0);
  const { code, stdout } = await waiting.ended;
  expect({ code, stdout }).toEqual({ code: 0, stdout: "done\n" });
  await holder.ended;
  expect(await worker.end("SIGTERM")).toBe(0);
});

test.each(["0", "6", "first"])("--priority %s is refused", async (value) => {
  const { code, stderr } = await terminal.run(["exec", "--priority", value, "--code", "1"]);
  expect(code).toBe(2);
  expect(stderr).toContain("Allowed is a whole number from 1 (first) to 5 (last).");
});

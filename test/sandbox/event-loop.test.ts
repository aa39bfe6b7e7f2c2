/**
 * A worker's event loop while requests are carried out whose cost their authors choose. Everybody else's runs wait for that loop.
 *
 * Measured in the worker's own process, so that the tests' load is not in it, and without the time for which the kernel gave its thread no
 * processor, so that it means the same on a loaded machine. `busy` is what the thread computes between two ticks of 10 ms: at most 200 ms. `stood`
 * is how late a tick comes, with waits for files: at most 200 ms, or three times what it was during an ordinary run where disks are slow.
 */
import { randomUUID } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import { Client, Connection } from "@temporalio/client";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { startWorkerProcess, type WorkerProcess } from "../support/worker-process.ts";
import type { LoopMeasure } from "./helpers/loop-monitor.ts";

const longest = 200;

let directory: string;
let worker: WorkerProcess;
let connection: Connection;
let baseline: LoopMeasure;
const taskQueue = `loop-${randomUUID()}`;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "kgents-loop-"));
  const monitor = pathToFileURL(join(import.meta.dirname, "helpers/loop-monitor.ts"));
  const address = inject("temporalAddress");
  worker = await startWorkerProcess(address, taskQueue, directory, {
    flags: ["--backends", "subprocess"],
    environment: { NODE_OPTIONS: `--import=${monitor}` },
  });
  connection = await Connection.connect({ address });
  // The first runs load and compile what later ones have.
  await run({ code: "echo warm > a", language: "sh", outputs: ["*"] });
  await run({ code: "x", language: "klingon" });
  await measure();
  await run({ code: "print(1)" });
  baseline = await measure();
});
afterAll(async () => {
  await worker.end("SIGTERM");
  await connection.close();
  await rm(directory, { recursive: true, force: true });
});

/** Runs a request as it stands, unchecked by a client of ours, until it has ended in whatever way. */
async function run(request: object): Promise<void> {
  const client = new Client({ connection });
  const handle = await client.workflow.start("executeCode", {
    ...{ workflowId: `loop-${randomUUID()}`, taskQueue, args: [request] },
    workflowExecutionTimeout: "50s",
  });
  await handle.result().catch(() => {});
}

/** What was measured since the last time. */
async function measure(): Promise<LoopMeasure> {
  const measures = () =>
    worker
      .log()
      .split("\n")
      .filter((line) => line.startsWith('{"loop"'));
  const before = measures().length;
  worker.child.kill("SIGUSR2");
  while (measures().length === before) await wait(20);
  return JSON.parse(measures().at(-1) ?? "").loop;
}

const nested = (depth: number): unknown => JSON.parse(`${"[".repeat(depth)}${"]".repeat(depth)}`);
const shell = (code: string, more: object = {}) => ({ code, language: "sh", timeout: 20, ...more });
const many = (count: number, name: (index: number) => string) =>
  Object.fromEntries(Array.from({ length: count }, (_, index) => [name(index), "x"]));
/** Python, because a shell needs a second for a thousand files. */
const files = (count: number, name: string, more: object = {}) => ({
  code: `for i in range(${count}): open(${name}, "w").close()`,
  ...{ language: "python", timeout: 20, outputs: ["*"], cpu: 1 },
  ...more,
});

test.each<[what: string, request: object]>([
  ["braces in a glob", shell("echo > a", { outputs: ["{a,b}".repeat(18)] })],
  ["stars in a glob", files(200, '"a" * 200 + str(i)', { outputs: [`${"*a".repeat(100)}b`] })],
  ["many globs", files(1000, 'f"{i}"', { outputs: Array.from({ length: 100 }, (_, index) => `**/{x,y}*${index}`) })],
  ["the longest file names", files(1000, 'f"{i}".rjust(255, "n")')],
  ["many output files", files(5000, 'f"f{i}"')],
  ["a deep tree of folders", shell("for i in $(seq 300); do mkdir d && cd d; done; echo > f", { outputs: ["**"] })],
  ["a large output file", shell("head -c 50000000 /dev/zero > zeros", { outputs: ["*"], cpu: 1 })],
  ["nested arrays", { code: "print(1)", args: nested(1500) }],
  ["a wide object", { code: "print(1)", env: many(20_000, (index) => `V${index}`) }],
  ["many labels", { code: "print(1)", labels: many(20_000, (index) => `l${index}`) }],
  ["many arguments", { code: "print(1)", args: Array.from({ length: 100_000 }, () => "a") }],
  ["long code", { code: `${"#".repeat(900_000)}\nprint(1)` }],
  [
    "many input files",
    { code: "print(1)", files: Array.from({ length: 5000 }, (_, i) => ({ name: `f${i}`, content: "" })) },
  ],
  ["a flood of bytes", shell("head -c 40000000 /dev/zero", { cpu: 1 })],
  ["a flood of lines", shell("yes '' | head -c 20000000", { cpu: 1 })],
  ["a flood on both streams", shell("yes out | head -c 15000000 & yes err | head -c 15000000 >&2; wait", { cpu: 1 })],
  ["control characters", shell("yes $(printf '\\001\\033') | head -c 2000000")],
])("%s", async (_what, request) => {
  await run(request);
  const { busy, stood } = await measure();
  expect(busy, "ms that the loop computed at once").toBeLessThanOrEqual(longest);
  expect(stood, "ms that a timer came late").toBeLessThanOrEqual(Math.max(longest, 3 * baseline.stood));
});

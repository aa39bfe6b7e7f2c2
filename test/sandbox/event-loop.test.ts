/**
 * The worker's event loop during requests whose cost their authors control. A blocked loop delays all other runs.
 *
 * Measured in the worker's own process, so the tests' load is excluded, and without the time in which the kernel gave
 * its thread no processor, so it is valid on a loaded machine. `busy` is the computing time of the thread between two
 * ticks of 10 ms: at most 200 ms. `stood` is the delay of a tick, including waits for files and for a program to be
 * executed: at most 200 ms, or three times the delay during an ordinary run. A request that blocks the loop does so every
 * time, whereas a disk, a processor or a hypervisor that is busy with others does not: a request above the limits is run
 * up to five times, each time after an ordinary run that is measured anew.
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
  // The first runs load and compile what later runs reuse.
  await run({ code: "echo warm > a", language: "sh", outputs: ["*"] });
  await run({ code: "x", language: "klingon" });
  baseline = await measureOrdinary();
});
afterAll(async () => {
  await worker.end("SIGTERM");
  await connection.close();
  await rm(directory, { recursive: true, force: true });
});

/** Runs a request without validation by our client, until it ends in any way. */
async function run(request: object): Promise<void> {
  const client = new Client({ connection });
  const handle = await client.workflow.start("executeCode", {
    ...{ workflowId: `loop-${randomUUID()}`, taskQueue, args: [request] },
    workflowExecutionTimeout: "50s",
  });
  await handle.result().catch(() => {});
}

/** The measurements since the last call. */
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

/** What an ordinary run takes now. */
async function measureOrdinary(): Promise<LoopMeasure> {
  await measure();
  await run({ code: "print(1)" });
  return measure();
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
  const measures: LoopMeasure[] = [];
  let limits = { busy: longest, stood: longest };
  let isWithinLimits = false;
  while (measures.length < 5 && !isWithinLimits) {
    if (measures.length > 0) baseline = await measureOrdinary();
    limits = { busy: longest, stood: Math.max(longest, 3 * baseline.stood) };
    await run(request);
    const measured = await measure();
    measures.push(measured);
    isWithinLimits = measured.busy <= limits.busy && measured.stood <= limits.stood;
  }
  expect(isWithinLimits, `${JSON.stringify(measures)} ms, allowed at last ${JSON.stringify(limits)}`).toBe(true);
});

/** Runs of another program under the name of our workflow, whose results are not results of kgents. */
import { randomUUID } from "node:crypto";
import { fileURLToPath } from "node:url";
import { Context, heartbeat } from "@temporalio/activity";
import { Client, Connection } from "@temporalio/client";
import { bundleWorkflowCode, DefaultLogger, NativeConnection, Worker } from "@temporalio/worker";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { Quartermaster } from "#client/sdk/quartermaster";
import type { RunSummary } from "#client/sdk/runs/list-runs";
import { failureKinds } from "#core/contract/failure";
import { executeCodeWorkflow } from "#core/contract/names";
import recorded from "../histories/0.1.0/succeeded.json" with { type: "json" };
import { type CommandLine, createCommandLine } from "../support/command-line.ts";
import { ensureRuntime } from "../support/test-worker.ts";
import type { ForeignActivities } from "./foreign-workflows.ts";

ensureRuntime();
const address = inject("temporalAddress");
const taskQueue = `test-${randomUUID()}`;

/** The result of a run by version 0.1.0. */
const ours: Record<string, unknown> = (() => {
  const end = recorded.events.at(-1)?.workflowExecutionCompletedEventAttributes;
  return JSON.parse(Buffer.from(end?.result?.payloads[0]?.data ?? "", "base64").toString());
})();

const foreign: [name: string, answer: unknown, where: string][] = [
  ["nothing", undefined, "it is not an object"],
  ["null", null, "it is not an object"],
  ["a number", 5, "it is not an object"],
  ["text", "done", "it is not an object"],
  ["a list", [1, 2], "it is not an object"],
  ["an empty object", {}, "its field id is missing or has another type"],
  ["another status", { ...ours, status: "splendid" }, "its field status is missing or has another type"],
  ["a stream that is a number", { ...ours, stdout: 7 }, "its field stdout is missing or has another type"],
  [
    "a stream without text",
    { ...ours, stderr: { ...(ours.stderr as object), text: null } },
    "its field stderr.text is missing or has another type",
  ],
  ["no files", { ...ours, files: undefined }, "its field files is missing or has another type"],
  ["other timings", { ...ours, timings: "yesterday" }, "its field timings is missing or has another type"],
  [
    "a moment that is none",
    { ...ours, timings: { ...(ours.timings as object), finished: "yesterday" } },
    "its field timings.finished is missing or has another type",
  ],
  [
    "another isolation",
    { ...ours, isolation: { level: "cluster" } },
    "its field isolation.mechanism is missing or has",
  ],
];

let worker: Worker;
let working: Promise<void>;
let connection: Connection;
let native: NativeConnection;
let client: Client;
let quartermaster: Quartermaster;
let terminal: CommandLine;

beforeAll(async () => {
  terminal = await createCommandLine({ environment: { TEMPORAL_ADDRESS: address } });
  await terminal.file("config/kgents/kgents.config.yaml", `worker: { taskQueue: ${taskQueue} }\n`);
  connection = await Connection.connect({ address });
  client = new Client({ connection });
  native = await NativeConnection.connect({ address });
  const { code } = await bundleWorkflowCode({
    workflowsPath: fileURLToPath(new URL("./foreign-workflows.ts", import.meta.url)),
    logger: new DefaultLogger("ERROR"),
  });
  const activities: ForeignActivities = {
    provision: async (answer) => answer,
    execute: async (beat) => {
      heartbeat(beat);
      await Context.current().cancelled;
    },
  };
  worker = await Worker.create({ connection: native, taskQueue, activities, workflowBundle: { code } });
  working = worker.run();
  quartermaster = new Quartermaster({ address, taskQueue });
});
afterAll(async () => {
  await quartermaster.close();
  worker.shutdown();
  await working;
  await native.close();
  await connection.close();
  await terminal[Symbol.asyncDispose]();
});

/** Makes a run end with an answer, and returns its id. */
async function endWith(answer: unknown): Promise<string> {
  const workflowId = `foreign-${randomUUID()}`;
  await client.workflow.execute(executeCodeWorkflow, { workflowId, taskQueue, args: [{ code: "x" }, answer] });
  return workflowId;
}

async function listed(id: string): Promise<RunSummary | undefined> {
  for await (const run of quartermaster.list()) if (run.id === id) return run;
  return undefined;
}

it.each(foreign)("a run that ends with %s is said to have no result of kgents", async (_, answer, where) => {
  const id = await endWith(answer);
  const handle = await quartermaster.get(id);
  const code = "namespace-conflict";
  const message = expect.stringContaining(`the result of the run ${id} is not one of kgents: ${where}`);
  await expect(handle.result()).rejects.toMatchObject({ code, message });
  expect(await handle.inspect()).toMatchObject({ status: "error", result: null, failure: { kind: code, message } });
  expect(await handle.describe()).toMatchObject({ status: "error" });
  await expect.poll(() => listed(id)).toMatchObject({ id, status: "error" });
  for await (const event of handle.outputSoFar()) expect.unreachable(`output that nobody wrote: ${event.type}`);
});

it.each<[name: string, cell: unknown]>([
  ["a number", 5],
  ["null", null],
  ["another backend", { language: "python", backend: "moon", isolation: {}, fallback: null }],
  ["no isolation", { language: "python", backend: "kubernetes", isolation: 7, fallback: null }],
])("of a run that fails after its activity provision has answered with %s, no cell is said", async (_, cell) => {
  const workflowId = `foreign-${randomUUID()}`;
  const args = [{ code: "x" }, null, { cell }];
  await client.workflow.execute(executeCodeWorkflow, { workflowId, taskQueue, args }).catch(() => {});
  const details = await (await quartermaster.get(workflowId)).inspect();
  expect(details).toMatchObject({ status: "error", backend: null, isolation: null, failure: { kind: "cell-start" } });
  const { code, stderr } = await terminal.run(["show", workflowId]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
});

it.each<[name: string, detail: unknown]>([
  ["a number", 5],
  ["null", null],
  ["other fields", { field: { a: 1 }, remedy: ["x"] }],
])("of a failure whose detail is %s, the remedy of its kind is said", async (_, detail) => {
  const workflowId = `foreign-${randomUUID()}`;
  const args = [{ code: "x" }, null, { details: [detail] }];
  await client.workflow.execute(executeCodeWorkflow, { workflowId, taskQueue, args }).catch(() => {});
  const { failure } = await (await quartermaster.get(workflowId)).inspect();
  expect(failure).toMatchObject({ field: null, remedy: failureKinds["cell-start"].remedy });
});

it.each<[name: string, beat: unknown]>([
  ["text", "alive"],
  ["windows that are numbers", { attempt: 1, live: { stdout: 5 } }],
  ["a window without bytes", { attempt: 1, live: { stdout: { offset: 0, base64: 5 } } }],
])("of a run whose heartbeat is %s, no output is said", async (_, beat) => {
  const workflowId = `foreign-${randomUUID()}`;
  const args = [{ code: "x" }, null, { beat }];
  const running = await client.workflow.start(executeCodeWorkflow, { workflowId, taskQueue, args });
  await expect.poll(async () => (await running.describe()).raw.pendingActivities?.[0]?.heartbeatDetails).toBeTruthy();
  const handle = await quartermaster.get(workflowId);
  for await (const event of handle.outputSoFar()) expect.unreachable(`output that nobody wrote: ${event.type}`);
  await running.terminate("enough");
  for await (const event of handle.output()) expect.unreachable(`output that nobody wrote: ${event.type}`);
});

it("fields that a later version adds make a result no less one of kgents", async () => {
  const id = await endWith({ ...ours, weather: "fair", usage: { ...(ours.usage as object), joules: 5 } });
  const handle = await quartermaster.get(id);
  expect(await handle.result()).toMatchObject({ status: "succeeded", weather: "fair" });
  expect(await handle.inspect()).toMatchObject({ status: "succeeded", failure: null });
});

it("the commands say so in one sentence", async () => {
  const id = await endWith({ status: "succeeded", stdout: 5 });
  const sentence = `the result of the run ${id} is not one of kgents: its field id is missing or has another type`;
  for (const command of ["wait", "attach", "files"]) {
    const { code, stderr } = await terminal.run([command, id]);
    expect({ command, code, stderr }).toMatchObject({ code: 125, stderr: expect.stringContaining(sentence) });
    expect(stderr).not.toContain("bug in kgents");
  }
  const shown = await terminal.run(["show", id]);
  expect(shown).toMatchObject({ code: 0, stderr: "" });
  expect(shown.stdout.replaceAll(/\s+/g, " ")).toContain("namespace-conflict");
  expect(await terminal.run(["logs", id])).toMatchObject({ code: 0, stdout: "" });
  await expect
    .poll(async () => (await terminal.run(["ps", "--all"])).stdout)
    .toMatch(new RegExp(`"id":"${id}".*"status":"error"`));
});

describe("kgents cancel, where a run does not end in time", () => {
  const start = async (more: object) => {
    const workflowId = `foreign-${randomUUID()}`;
    return client.workflow.start(executeCodeWorkflow, { workflowId, taskQueue, args: [{ code: "x" }, ours, more] });
  };

  it("says so, and that the cancellation goes on; the others are cancelled", async () => {
    const stays = await start({ stays: true });
    const ends = await start({ beat: { attempt: 1 } });
    await expect.poll(async () => (await ends.describe()).raw.pendingActivities?.[0]?.heartbeatDetails).toBeTruthy();
    const began = performance.now();
    const { code, stdout, stderr } = await terminal.run([
      ...["cancel", stays.workflowId, ends.workflowId, "--timeout", "3s"],
    ]);
    expect({ code, stdout }).toEqual({ code: 125, stdout: "" });
    expect(stderr).toContain(
      `${stays.workflowId} has not ended within 3 s; its cancellation continues\n        Check it with \`kgents show\``,
    );
    expect(stderr).toContain(`${ends.workflowId} is cancelled\n`);
    // It does not wait for the run after the error.
    expect(performance.now() - began).toBeLessThan(30_000);
    expect((await stays.describe()).status.name).toBe("RUNNING");
    const { events } = await stays.fetchHistory();
    expect(events?.some(({ workflowExecutionCancelRequestedEventAttributes: asked }) => asked)).toBe(true);
    await stays.terminate("enough");
  });

  it("as JSON: a line with the failure", async () => {
    const stays = await start({ stays: true });
    const { code, stdout, stderr } = await terminal.run(["cancel", stays.workflowId, "--timeout", "1s", "--json"]);
    await stays.terminate("enough");
    expect(code).toBe(125);
    expect(`${stdout}${stderr}`).toContain("no-worker");
    expect(`${stdout}${stderr}`).toContain("has not ended within 1 s");
  });

  it("waits for five minutes unless it is told otherwise", async () => {
    const { stdout } = await terminal.run(["cancel", "--help"]);
    expect(stdout).toContain("--timeout <duration>  how long to wait for each run to end (default: 5m)\n");
  });
});

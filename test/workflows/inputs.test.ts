/** Workflows started with input that our client never sends: rejected, and nothing is done. */
import { randomUUID } from "node:crypto";
import { Readable } from "node:stream";
import { WorkflowFailedError, type WorkflowHandle } from "@temporalio/client";
import { ApplicationFailure } from "@temporalio/common";
import { afterAll, beforeAll, expect, inject, it } from "vitest";
import { cellIdOf } from "#activities/plan";
import { runKey } from "#platform/store/references";
import { type ScriptedProvider, scriptedProvider } from "../support/scripted-provider.ts";
import { startTestWorker, type TestWorker } from "../support/test-worker.ts";

const address = inject("temporalAddress");
const goesOn = { code: "goes on", ttl: 0 } as const;
const request = { code: "x", backend: "subprocess" };
const batch = { chunks: [{ requests: [request] }], total: 1, concurrency: 1, limits: {} };

let worker: TestWorker;
let sandbox: ScriptedProvider;
let cluster: ScriptedProvider;

beforeAll(async () => {
  sandbox = scriptedProvider("subprocess", {});
  cluster = scriptedProvider("kubernetes", {
    run: async ({ code }, { stop }) => {
      if (code === goesOn.code) await new Promise((resolve) => stop.addEventListener("abort", resolve));
      throw new Error("stopped");
    },
  });
  worker = await startTestWorker(address, { providers: { subprocess: sandbox, kubernetes: cluster } });
});
afterAll(() => worker[Symbol.asyncDispose]());

/** Starts a workflow like any SDK. Returns its failure. */
async function failureOf(type: string, ...args: unknown[]): Promise<ApplicationFailure> {
  const options = { workflowId: `input-${randomUUID()}`, taskQueue: worker.taskQueue, args };
  const error = await worker.client.workflow.execute(type, options).then(
    () => expect.unreachable("it was carried out"),
    (reason: unknown) => reason,
  );
  if (!(error instanceof WorkflowFailedError) || !(error.cause instanceof ApplicationFailure)) throw error;
  return error.cause;
}

it.each<[type: string, field: string, ...args: unknown[]]>([
  ["executeCode", "limits.fileBytes", request, { fileBytes: 1e12 }],
  ["executeCode", "limits", request, "everything"],
  ["executeBatch", "concurrency", { ...batch, concurrency: 1e9 }],
  ["executeBatch", "limits.fileBytes", { ...batch, limits: { fileBytes: 1e12 } }],
  ["executeBatch", "chunks[0].requests.length", { ...batch, chunks: [{ requests: Array(1000).fill(request) }] }],
  ["executeBatch", "batch"],
  ["reapCell", "backend", { cellId: "kgents-0123456789abcdef0123", backend: "subprocess", ttlMilliseconds: 0 }],
  ["reapCell", "ttlMilliseconds", { cellId: "kgents-0123456789abcdef0123", backend: "kubernetes" }],
  ["reapCell", "cell"],
])("%s with another %s", async (type, field, ...args) => {
  const { type: kind, nonRetryable, message, details } = await failureOf(type, ...args);
  expect({ kind, nonRetryable, details }).toMatchObject({ kind: "invalid-request", details: [{ field }] });
  expect(message).toContain(field);
  expect([...sandbox.calls, ...cluster.calls]).toEqual([]);
});

/** Starts a workflow with raw JSON: no JavaScript SDK writes deeply nested values. */
async function startWithJson(type: string, args: readonly string[], trace?: string): Promise<WorkflowHandle> {
  const { client, taskQueue } = worker;
  const workflowId = `input-${randomUUID()}`;
  const payloadOf = (json: string) => ({
    metadata: { encoding: Buffer.from("json/plain") },
    data: Buffer.from(json),
  });
  await client.workflowService.startWorkflowExecution({
    namespace: client.options.namespace,
    workflowId,
    requestId: randomUUID(),
    workflowType: { name: type },
    taskQueue: { name: taskQueue },
    input: { payloads: args.map(payloadOf) },
    ...(trace === undefined ? {} : { header: { fields: { "_tracer-data": payloadOf(trace) } } }),
  });
  return client.workflow.getHandle(workflowId);
}

async function failureOfJson(type: string, ...args: string[]): Promise<ApplicationFailure> {
  const error: unknown = await (await startWithJson(type, args)).result().then(
    () => expect.unreachable("it was carried out"),
    (reason: unknown) => reason,
  );
  if (!(error instanceof WorkflowFailedError) || !(error.cause instanceof ApplicationFailure)) throw error;
  return error.cause;
}

const deep = `${"[".repeat(100_000)}${"]".repeat(100_000)}`;
const deepObjects = `${'{"a":'.repeat(100_000)}1${"}".repeat(100_000)}`;
const plain = JSON.stringify(request);

it.each<[type: string, field: string, ...args: string[]]>([
  ["executeCode", "env", `{"code":"x","backend":"subprocess","env":${deep}}`],
  ["executeCode", "metadata.a.a.a.a", `{"code":"x","metadata":${deepObjects}}`],
  ["executeCode", "code", `{"code":${deep}}`],
  ["executeCode", "request", deep],
  ["executeCode", "limits", plain, deep],
  ["executeBatch", "chunks[0].requests[1].env", `{"chunks":[{"requests":[${plain},{"env":${deep}}]}],"total":2}`],
  ["executeBatch", "batch", deep],
  ["reapCell", "cellId", `{"cellId":${deep}}`],
])("%s ends where %s is nested 100,000 deep", async (type, field, ...args) => {
  const { type: kind, nonRetryable, message, details } = await failureOfJson(type, ...args);
  expect({ kind, nonRetryable, details }).toMatchObject({ kind: "invalid-request", details: [{ field }] });
  expect(message).toBe(`${field}: got lists or objects nested more than 100 deep; allowed is at most 100`);
  expect([...sandbox.calls, ...cluster.calls]).toEqual([]);
});

it("a run whose trace header is nested 100,000 deep is carried out", async () => {
  const traceparent = `00-${"1".repeat(32)}-${"2".repeat(16)}-01`;
  const handle = await startWithJson("executeCode", [plain], `{"traceparent":"${traceparent}","deep":${deep}}`);
  expect(await handle.result()).toMatchObject({ status: "succeeded" });
  sandbox.calls.length = 0;
});

it("a batch ends where a request in the artifact store is nested 100,000 deep", async () => {
  const { artifact, bytes } = await worker.store.putBlob(Readable.from([`${plain}\n{"code":"x","env":${deep}}\n`]));
  const { type, message } = await failureOf("executeBatch", { ...batch, total: 2, chunks: [{ artifact, bytes }] });
  expect(type).toBe("invalid-request");
  expect(message).toContain("chunk.requests[1].env: got lists or objects nested more than 100 deep");
});

it("a batch whose requests are not in the artifact store ends and says so, after some attempts", async () => {
  const chunks = [{ artifact: "0".repeat(64), bytes: 100 }];
  const { type, nonRetryable, message, details } = await failureOf("executeBatch", { ...batch, chunks });
  expect({ type, nonRetryable }).toEqual({ type: "artifact-unavailable", nonRetryable: true });
  expect(message).toContain("is not in this worker's store");
  expect(details).toMatchObject([{ kind: "artifact-unavailable" }]);
});

it("a batch with more requests than its total starts no more than that", async () => {
  const tooMany = { ...batch, total: 1, chunks: [{ requests: [request, request] }] };
  const failure = await failureOf("executeBatch", tooMany);
  expect(failure.message).toContain("total: got 1");
});

it("the cell of a run that goes on is not reaped by somebody else, and that of one that is over is", async () => {
  const handle = await worker.start({ ...goesOn, backend: "kubernetes" });
  await expect.poll(() => cluster.calls.includes("run")).toBe(true);
  const cellId = cellIdOf({ workflowId: handle.id, runId: handle.runId, key: runKey(handle.id, handle.runId) }, 1);
  const input = { cellId, backend: "kubernetes", ttlMilliseconds: 0 };
  const refused = await failureOf("reapCell", { ...input, parent: { workflowId: handle.id } });
  expect(refused.message).toContain("whose run goes on");
  expect(cluster.calls).toEqual(["acquire", "run"]);
  await handle.cancel();
  await handle.result();
  const after = cluster.calls.length;
  await worker.client.workflow.execute("reapCell", {
    workflowId: `input-${randomUUID()}`,
    taskQueue: worker.taskQueue,
    args: [input],
  });
  expect(cluster.calls.slice(after)).toEqual(["release", "remove"]);
});

/** Runs by HTTP and by gRPC on the same server: each call must have the same outcome. */
import { randomUUID } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Client, Connection } from "@temporalio/client";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { toKgentsError } from "#client/sdk/failure";
import { inspectRun } from "#client/sdk/runs/inspect-run";
import { listRuns } from "#client/sdk/runs/list-runs";
import { startExecution } from "#client/sdk/start-execution";
import { eitherRuns } from "#client/sdk/temporal/either-runs";
import { grpcRuns } from "#client/sdk/temporal/grpc-runs";
import { httpRuns } from "#client/sdk/temporal/http-runs";
import { problemOf } from "#client/sdk/temporal/problem";
import type { RunService, RunStart } from "#client/sdk/temporal/run-service";
import { type HttpApi, openHttpApi } from "#platform/temporal/http-api";
import { type DevServer, startDevServer } from "../support/dev-server.ts";
import { startTestWorker, type TestWorker } from "../support/test-worker.ts";
import { answerNext, commandType, payloadsOf, type WorkflowCommands } from "./by-hand.ts";

let directory: string;
let server: DevServer;
let connection: Connection;
let client: Client;
let api: HttpApi;
let worker: TestWorker;
let grpc: RunService;
let http: RunService;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "kgents-http-"));
  server = await startDevServer(inject("temporalBinary"), join(directory, "temporal.db"));
  connection = await Connection.connect({ address: server.address });
  client = new Client({ connection });
  worker = await startTestWorker(server.address);
  api = openHttpApi(server.http);
  grpc = grpcRuns(client);
  http = httpRuns(api, "default");
});
afterAll(async () => {
  api.close();
  await worker[Symbol.asyncDispose]();
  await connection.close();
  await server.stop();
  await rm(directory, { recursive: true, force: true });
});

const start = (more: Partial<RunStart> = {}): RunStart => ({
  workflowType: "by-hand",
  workflowId: `hand-${randomUUID()}`,
  taskQueue: `queue-${randomUUID()}`,
  input: { code: "x" },
  memo: {},
  priority: {},
  summary: "by hand",
  ...more,
});

/** A value without what differs between any two runs. */
function comparable(value: unknown): unknown {
  const volatile =
    /(?:id|ids|time|token|cpuSeconds|peakMemoryBytes|ref|timings|identity|sizeBytes|requestIdInfos|coreUsedFlags)$/i;
  return JSON.parse(JSON.stringify(value), (name, inner) => (volatile.test(name) ? "..." : inner));
}

/** The events of a run, with their payloads decoded. */
async function eventsOf(workflowId: string): Promise<unknown> {
  const { events } = await client.workflow.getHandle(workflowId).fetchHistory();
  // Protobuf writes bytes as base64.
  const text = (bytes = ""): string => Buffer.from(bytes, "base64").toString();
  const decoded = JSON.stringify(JSON.parse(JSON.stringify(events)), (_, value) =>
    value?.metadata?.encoding
      ? {
          metadata: Object.fromEntries(
            Object.entries<string>(value.metadata).map(([name, bytes]) => [name, text(bytes)]),
          ),
          data: text(value.data),
        }
      : value,
  );
  const plain = decoded
    .replaceAll(workflowId, "ID")
    .replaceAll(/[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|(?:kgents-|runs\/)[0-9a-f]{20,32}/g, "ID")
    .replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, "TIME")
    .replaceAll(/(cpuSeconds|peakMemoryBytes)\\":[\d.]+/g, "$1");
  return comparable(JSON.parse(plain));
}

describe("a run", () => {
  const request = {
    code: "import sys; print('é' * 10); print('err', file=sys.stderr)",
    language: "python",
    labels: { team: "a" },
    requester: "test:joerg",
  };
  const ends: Record<string, string> = {};
  const results: Record<string, unknown> = {};

  beforeAll(async () => {
    for (const [name, service] of Object.entries({ http, grpc })) {
      const handle = await startExecution(service, worker.taskQueue, worker.store, request, { priority: 2 });
      results[name] = await handle.result();
      ends[name] = handle.id;
    }
  });

  it("has the same history, event for event, by HTTP and by gRPC", async () => {
    const [one, other] = [await eventsOf(ends.http ?? ""), await eventsOf(ends.grpc ?? "")];
    expect(one).toEqual(other);
    const [first] = one as { userMetadata: unknown; workflowExecutionStartedEventAttributes: object }[];
    expect(first?.userMetadata).toMatchObject({ summary: { metadata: { encoding: "json/plain" } } });
    expect(first?.workflowExecutionStartedEventAttributes).toMatchObject({
      priority: { priorityKey: 2, fairnessKey: "test:joerg" },
      memo: {
        fields: { kgentsAbout: { metadata: { encoding: "json/plain" }, data: expect.stringContaining("test:joerg") } },
      },
    });
  });

  it("has the same result", () => {
    expect(comparable(results.http)).toEqual(comparable(results.grpc));
    expect(results.http).toMatchObject({ status: "succeeded", stdout: { text: `${"é".repeat(10)}\n` } });
  });

  it("is read the same way by both", async () => {
    for (const id of Object.values(ends)) {
      const run = { workflowId: id };
      const { runId } = await http.describe(run);
      expect(await http.describe(run)).toEqual(await grpc.describe(run));
      expect(await http.describe({ ...run, runId })).toEqual(await grpc.describe({ ...run, runId }));
      expect(await http.result(run)).toEqual(await grpc.result(run));
      expect(await http.input({ ...run, runId })).toEqual(await grpc.input({ ...run, runId }));
      expect(await http.completed(run, "provision")).toEqual(await grpc.completed(run, "provision"));
      expect(await http.completed(run, "provision")).toHaveLength(1);
      expect(await inspectRun(http, id)).toEqual(await inspectRun(grpc, id));
    }
  });

  it("is listed the same way by both", async () => {
    const listed = async (service: RunService) => {
      const runs = [];
      for await (const run of listRuns(service, worker.taskQueue)) runs.push(run);
      return runs;
    };
    await expect.poll(async () => (await listed(grpc)).map(({ status }) => status)).toEqual(["succeeded", "succeeded"]);
    expect(await listed(http)).toEqual(await listed(grpc));
    for (const service of [http, grpc]) {
      const refused = await service.list("NoSuchAttribute = 'x'")[Symbol.asyncIterator]().next().catch(problemOf);
      expect(refused).toMatchObject({ kind: "unanswered", code: 3, details: expect.stringContaining("NoSuch") });
    }
  });

  it("has the same workers", async () => {
    expect(await http.queueState(worker.taskQueue, 5000)).toMatchObject({
      ...(await grpc.queueState(worker.taskQueue, 5000)),
      pollers: [{ identity: expect.stringContaining("kgents/") }],
    });
    expect(await http.queueState("no-such-queue", 5000)).toEqual(await grpc.queueState("no-such-queue", 5000));
  });

  it("is found again by its id, and another request with that id is refused", async () => {
    const again = await startExecution(http, worker.taskQueue, worker.store, request, { id: ends.grpc });
    expect(again).toMatchObject({ id: ends.grpc, attached: true });
    expect(await again.result()).toEqual(results.grpc);
    await expect(
      startExecution(http, worker.taskQueue, worker.store, { code: "other" }, { id: ends.grpc }),
    ).rejects.toMatchObject({ code: "id-conflict" });
  });
});

describe("an open run", () => {
  it("is described with phase and heartbeat, followed live, and cancelled", async () => {
    const code = "echo begun; sleep 600";
    const handle = await startExecution(http, worker.taskQueue, undefined, { code, language: "sh", timeout: 700 }, {});
    const said: string[] = [];
    for await (const event of handle.output()) {
      if (event.type === "output") said.push(Buffer.from(event.bytes).toString());
      if (said.join("").includes("begun")) break;
    }
    expect(await handle.describe()).toMatchObject({ status: "running", phase: "executing" });
    const run = { workflowId: handle.id };
    const [byHttp, byGrpc] = [await http.describe(run), await grpc.describe(run)];
    expect(byHttp.pendingActivities).toMatchObject([{ type: "execute", heartbeat: { phase: "executing" } }]);
    expect(byHttp.pendingActivities).toEqual(byGrpc.pendingActivities);
    expect(await http.query(run, "phase")).toEqual(await grpc.query(run, "phase"));
    expect(await http.query(run, "nonsense").catch(problemOf)).toMatchObject({ kind: "unanswered", code: 3 });
    await handle.cancel();
    expect(await handle.result()).toMatchObject({ status: "cancelled", stdout: { text: "begun\n" } });
    await handle.cancel();
  });

  it("is not cancelled in the name of another chain", async () => {
    const { workflowId } = start();
    await http.start({ ...start(), workflowId });
    const run = { workflowId, firstRunId: randomUUID() };
    expect(await http.cancel(run).catch(problemOf)).toEqual(await grpc.cancel(run).catch(problemOf));
    expect((await http.describe({ workflowId })).status).toBe("RUNNING");
  });
});

describe("an end", () => {
  const failure = (info: object, message = "said") => ({ message, ...info });
  const done = (result: object): WorkflowCommands => [
    { commandType: commandType.complete, completeWorkflowExecutionCommandAttributes: result },
  ];
  const failed = (value: object): WorkflowCommands => [
    { commandType: commandType.fail, failWorkflowExecutionCommandAttributes: { failure: value } },
  ];
  const strange = { payloads: [{ metadata: { encoding: Buffer.from("binary/encrypted") }, data: Buffer.from("?") }] };
  const large = "ü€😀".repeat(100_000);
  const ends: [string, WorkflowCommands][] = [
    ["a result", done({ result: payloadsOf({ a: [1, null, "é"] }) })],
    ["a large result", done({ result: payloadsOf(large) })],
    ["no result", done({})],
    ["an undefined result", done({ result: payloadsOf(undefined) })],
    ["a result that cannot be decoded", done({ result: strange })],
    [
      "our failure",
      failed(
        failure({
          applicationFailureInfo: { type: "no-worker", details: payloadsOf({ kind: "no-worker", remedy: "R" }) },
        }),
      ),
    ],
    ["another failure", failed(failure({ applicationFailureInfo: { type: "Other" } }))],
    ["a failure without a type", failed(failure({ applicationFailureInfo: {} }, ""))],
    ["a timeout inside", failed(failure({ timeoutFailureInfo: { timeoutType: 1 } }))],
    ["a termination inside", failed(failure({ terminatedFailureInfo: {} }))],
    [
      "a cancellation",
      [{ commandType: commandType.cancel, cancelWorkflowExecutionCommandAttributes: { details: payloadsOf("why") } }],
    ],
  ];

  /** What a wait comes to: a value, or an error in our terms. */
  const outcome = (service: RunService, workflowId: string, runId?: string): Promise<unknown> =>
    service.result(runId === undefined ? { workflowId } : { workflowId, firstRunId: runId }).then(
      (value) => ({ value }),
      (error) => {
        const { code, message, field, remedy } = toKgentsError(error, workflowId);
        return { code, message, field, remedy };
      },
    );

  it.each(ends)("with %s is the same by both", async (_, commands) => {
    const { workflowId, taskQueue, ...rest } = start();
    await http.start({ workflowId, taskQueue, ...rest });
    const waiting = outcome(http, workflowId);
    await answerNext(client, taskQueue, commands);
    expect(await waiting).toEqual(await outcome(grpc, workflowId));
  });

  it("by termination is the same by both", async () => {
    for (const reason of ["enough", ""]) {
      const run = start();
      await http.start(run);
      await client.workflow.getHandle(run.workflowId).terminate(reason);
      expect(await outcome(http, run.workflowId)).toEqual(await outcome(grpc, run.workflowId));
      expect(await outcome(http, run.workflowId)).toMatchObject({ code: "terminated" });
    }
  });

  it("that continues as new is followed, from the first execution and from the latest", async () => {
    const run = start();
    const { runId } = await http.start(run);
    const waiting = outcome(http, run.workflowId, runId);
    const next = { workflowType: { name: "by-hand" }, taskQueue: { name: run.taskQueue }, input: payloadsOf(2) };
    await answerNext(client, run.taskQueue, [
      { commandType: commandType.continueAsNew, continueAsNewWorkflowExecutionCommandAttributes: next },
    ]);
    await answerNext(client, run.taskQueue, done({ result: payloadsOf("second") }));
    expect(await waiting).toEqual({ value: "second" });
    expect(await outcome(grpc, run.workflowId, runId)).toEqual({ value: "second" });
    expect(await http.describe(run)).toEqual(await grpc.describe(run));
    expect((await http.describe(run)).firstRunId).toBe(runId);
  });

  it("of a run that nobody carries out in time is the same by both", async () => {
    const { workflowId, taskQueue } = start();
    const options = { workflowId, taskQueue, workflowRunTimeout: 1000, retry: { maximumAttempts: 2 } };
    await client.workflow.start("by-hand", options);
    const ended = await outcome(http, workflowId);
    expect(ended).toEqual(await outcome(grpc, workflowId));
    expect(ended).toMatchObject({ code: "worker-lost" });
  });
});

describe("a refusal", () => {
  it("has the same problem by both", async () => {
    const run = start();
    await http.start(run);
    const elsewhere = {
      http: httpRuns(api, "nowhere"),
      grpc: grpcRuns(new Client({ connection, namespace: "nowhere" })),
    };
    const calls: [(service: RunService) => Promise<unknown>, RunService, RunService][] = [
      [(service) => service.start(run), http, grpc],
      [(service) => service.describe({ workflowId: "nobody" }), http, grpc],
      [(service) => service.result({ workflowId: "nobody" }), http, grpc],
      [(service) => service.cancel({ workflowId: "nobody" }), http, grpc],
      [(service) => service.start(start()), elsewhere.http, elsewhere.grpc],
      [(service) => service.describe(run), elsewhere.http, elsewhere.grpc],
    ];
    for (const [call, one, other] of calls) {
      const problem = await call(one).catch(problemOf);
      expect(problem).toEqual(await call(other).catch(problemOf));
      expect(problem).toHaveProperty("kind");
    }
  });
});

describe("an id", () => {
  const odd = ["a:b@c.d", "a b", "ü/x", "%41", "a%2Fb", "cancel", "x?y=1&z", "..", "a/../b", "#1", "日本;語", "'()*!~"];
  it.each(odd.map((id) => [id]))("%s is the same by either", async (id) => {
    let isAsked = false;
    const either = eitherRuns(http, async () => {
      isAsked = true;
      return grpc;
    });
    const run = { ...start(), workflowId: id };
    await either.start(run);
    expect(await either.describe(run)).toEqual(await grpc.describe(run));
    await either.cancel(run);
    const { events } = await client.workflow.getHandle(id).fetchHistory();
    expect(events?.some(({ workflowExecutionCancelRequestedEventAttributes: asked }) => asked)).toBe(true);
    expect(isAsked).toBe(id.includes("/") || id === "..");
  });
});

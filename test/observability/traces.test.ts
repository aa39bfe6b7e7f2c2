/** Traces from the client through the workflow to the activities, received by a real receiver; and none by default. */
import { randomUUID } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { type CommandLine, createCommandLine } from "../support/command-line.ts";
import { freePort } from "../support/dev-server.ts";
import { type MeasuredWorker, startMeasuredWorker } from "./metrics-worker.ts";
import { named, type OtlpReceiver, type ReceivedSpan, startOtlpReceiver } from "./otlp-receiver.ts";

const address = inject("temporalAddress");
let receiver: OtlpReceiver;
let worker: MeasuredWorker;
let terminal: CommandLine;
let tracing: NodeJS.ProcessEnv;
// A cold build of the receiver takes a minute or two.
beforeAll(async () => {
  receiver = await startOtlpReceiver();
  tracing = receiver.environment;
  worker = await startMeasuredWorker(address, tracing);
  terminal = await createCommandLine({ environment: { TEMPORAL_ADDRESS: address } });
  await terminal.file("config/kgents/kgents.config.yaml", `worker: { taskQueue: ${worker.taskQueue} }\n`);
}, 900_000);
afterAll(async () => {
  await terminal?.[Symbol.asyncDispose]();
  await worker?.[Symbol.asyncDispose]();
  await receiver?.[Symbol.asyncDispose]();
});

const hello = ["exec", "--quiet", "--code", "print('hello')"];
const helloed = { code: 0, stdout: "hello\n", stderr: "" };

/** The spans of a run, once its workflow's span has arrived. */
async function spansOf(id: string): Promise<ReceivedSpan[]> {
  const of = () => receiver.spans().filter(({ attributes }) => attributes.temporalWorkflowID === id);
  await expect.poll(() => of().map(({ name }) => name)).toContain("RunWorkflow:executeCode");
  await expect.poll(() => of().map(({ name }) => name)).toContain("RunActivity:provision");
  return of();
}

describe("on", () => {
  test("a run of the command line is one trace: start, workflow, activities", async () => {
    const id = `traced-${randomUUID()}`;
    expect(await terminal.run([...hello, "--id", id], { environment: tracing })).toMatchObject(helloed);
    const spans = await spansOf(id);
    const start = named(spans, "StartWorkflow:executeCode");
    const run = named(spans, "RunWorkflow:executeCode");
    expect(start).toMatchObject({ service: "kgents", parentSpanId: undefined });
    expect(run).toMatchObject({ service: "kgents-worker", parentSpanId: start.spanId, traceId: start.traceId });
    expect(run.attributes["kgents.status"]).toBe("succeeded");
    for (const phase of ["provision", "execute", "cleanUp"]) {
      const activity = named(spans, `RunActivity:${phase}`);
      expect(activity).toMatchObject({ parentSpanId: run.spanId, traceId: start.traceId, service: "kgents-worker" });
      expect(activity.to).toBeGreaterThan(activity.from);
    }
    expect(run.to).toBeGreaterThan(run.from);
  });

  test("a run that brings no trace has one of its own, named by its run id; a failure is an error", async () => {
    const id = `untraced-${randomUUID()}`;
    const { taskQueue, client } = worker;
    const request = { code: "x", language: "klingon" };
    const handle = await client.workflow.start("executeCode", { workflowId: id, taskQueue, args: [request] });
    await expect(handle.result()).rejects.toThrow();
    const spans = await spansOf(id);
    const run = named(spans, "RunWorkflow:executeCode");
    expect(run).toMatchObject({ traceId: handle.firstExecutionRunId.replaceAll("-", ""), parentSpanId: undefined });
    expect(run.status).toBe(2);
    const provision = named(spans, "RunActivity:provision");
    expect(provision).toMatchObject({ traceId: run.traceId, parentSpanId: run.spanId, status: 2 });
  });

  test("a workflow that is cancelled is no error", async () => {
    const workflowId = `cancelled-${randomUUID()}`;
    const { taskQueue, client } = worker;
    // This worker serves no cluster, so it keeps retrying to remove the cell.
    const input = { cellId: "kgents-0123456789abcdef0123", backend: "kubernetes", ttlMilliseconds: 60_000 };
    const handle = await client.workflow.start("reapCell", { workflowId, taskQueue, args: [input] });
    await handle.cancel();
    await expect(handle.result()).rejects.toThrow();
    const of = () => receiver.spans().filter(({ attributes }) => attributes.temporalWorkflowID === workflowId);
    await expect.poll(() => of().map(({ name }) => name)).toContain("RunWorkflow:reapCell");
    const run = named(of(), "RunWorkflow:reapCell");
    expect(run.attributes["kgents.status"]).toBe("cancelled");
    expect(run.status).not.toBe(2);
  });

  test("what the standard variables say of names and sampling holds", async () => {
    const id = `named-${randomUUID()}`;
    const environment = { ...tracing, OTEL_SERVICE_NAME: "agent" };
    expect(await terminal.run([...hello, "--id", id], { environment })).toMatchObject(helloed);
    expect(named(await spansOf(id), "StartWorkflow:executeCode").service).toBe("agent");
    const unsampled = `unsampled-${randomUUID()}`;
    const never = { ...tracing, OTEL_TRACES_SAMPLER: "always_off" };
    expect(await terminal.run([...hello, "--id", unsampled], { environment: never })).toMatchObject(helloed);
    // The worker follows the client's sampling decision: once a later run has arrived, no span of this run has.
    const later = `later-${randomUUID()}`;
    expect(await terminal.run([...hello, "--id", later], { environment: tracing })).toMatchObject(helloed);
    await spansOf(later);
    expect(receiver.spans().filter(({ attributes }) => attributes.temporalWorkflowID === unsampled)).toEqual([]);
  });

  test("a collector that is away costs two seconds, is said, and nothing else", async () => {
    const environment = { OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${await freePort()}` };
    const began = performance.now();
    const { code, stdout, stderr } = await terminal.run(["exec", "--code", "print('hello')"], { environment });
    expect({ code, stdout }).toEqual({ code: 0, stdout: "hello\n" });
    expect(stderr).toContain("kgents: traces: ");
    expect(performance.now() - began).toBeLessThan(15_000);
  });

  test.each([
    ["OTEL_EXPORTER_OTLP_PROTOCOL", "grpc", "http/protobuf"],
    ["OTEL_TRACES_EXPORTER", "zipkin", "otlp or none"],
  ])("%s=%s is refused", async (name, value, allowed) => {
    const { code, stderr } = await terminal.run(hello, { environment: { ...tracing, [name]: value } });
    expect(code).toBe(2);
    expect(stderr).toContain(`${name}: got ${value}; allowed is ${allowed}`);
  });
});

/** Whether a command has loaded OpenTelemetry, by V8's list of loaded scripts. */
async function loadsTracing(environment: NodeJS.ProcessEnv): Promise<boolean> {
  const NODE_V8_COVERAGE = join(terminal.directory, `loaded-${randomUUID()}`);
  expect(await terminal.run(hello, { environment: { ...environment, NODE_V8_COVERAGE } })).toMatchObject(helloed);
  const reports = await Promise.all(
    (await readdir(NODE_V8_COVERAGE)).map((name) => readFile(join(NODE_V8_COVERAGE, name), "utf8")),
  );
  expect(reports.join()).toContain("chunk-");
  return reports.join().includes("start-tracing");
}

describe("off", () => {
  test.each([
    ["by default", {}],
    ["by OTEL_SDK_DISABLED", { OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:9", OTEL_SDK_DISABLED: "true" }],
    ["by OTEL_TRACES_EXPORTER", { OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:9", OTEL_TRACES_EXPORTER: "none" }],
  ])("%s: nothing of OpenTelemetry is loaded", async (_, environment) => {
    expect(await loadsTracing(environment)).toBe(false);
  });

  test("and with it on, it is: the test above can fail", async () => {
    expect(await loadsTracing(tracing)).toBe(true);
  });
});

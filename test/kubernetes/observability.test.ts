/** The metrics, log lines and trace of a run in a Job, from the client to the end of its cell. */
import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, expect, inject, it } from "vitest";
import { aboutMemo } from "#core/contract/names";
import { linesAbout } from "../observability/log-lines.ts";
import { named, type OtlpReceiver, startOtlpReceiver } from "../observability/otlp-receiver.ts";
import { scrape, totalOf } from "../observability/scrape.ts";
import { createCommandLine } from "../support/command-line.ts";
import { freePort } from "../support/dev-server.ts";
import { workerScene } from "./worker-scene.ts";

let receiver: OtlpReceiver;
// A cold build of the receiver takes a minute or two.
beforeAll(async () => {
  receiver = await startOtlpReceiver();
}, 900_000);
afterAll(() => receiver?.[Symbol.asyncDispose]());

it("it is counted and timed, its lines say whose it is, and it is one trace to the removal of its Job", async () => {
  await using scene = await workerScene();
  const metricsPort = await freePort();
  const worker = await scene.startWorker({
    flags: ["--metrics-port", String(metricsPort)],
    environment: { ...receiver.environment, LOG_LEVEL: "debug" },
  });
  const shown = async (name: string, labels: Record<string, string> = {}) =>
    totalOf(await scrape(metricsPort), name, { backend: "kubernetes", ...labels });
  await using terminal = await createCommandLine({
    environment: { TEMPORAL_ADDRESS: inject("temporalAddress"), ...receiver.environment },
  });
  await terminal.file("config/kgents/kgents.config.yaml", `worker: { taskQueue: ${scene.taskQueue} }\n`);
  const id = `observed-${randomUUID()}`;
  const flags = ["--quiet", "--id", id, "--backend", "kubernetes", "--ttl", "1", "--lang", "sh"];
  const running = terminal.start(["exec", ...flags, "--code", "echo hello; sleep 2"]);
  await expect.poll(() => shown("kgents_cells")).toBe(1);
  expect(await running.ended).toMatchObject({ code: 0, stdout: "hello\n", stderr: "" });

  await expect.poll(() => shown("kgents_cells")).toBe(0);
  const labels = { language: "sh", status: "succeeded", isolation: "cluster" };
  expect(await shown("kgents_runs_total", labels)).toBe(1);
  for (const phase of ["provisioning", "starting", "running", "finishing"])
    expect(await shown("kgents_run_phase_seconds_count", { phase, language: "sh" }), phase).toBe(1);
  const ran = (await shown("kgents_run_phase_seconds_sum", { phase: "running" })) ?? 0;
  expect(ran).toBeGreaterThan(1.9);
  expect(ran).toBeLessThan(60);
  expect(await shown("kgents_backend_available")).toBe(1);
  expect(await shown("kgents_isolation_level", { level: "cluster" })).toBe(1);
  expect(await shown("kgents_isolation_enforced", { limit: "network" })).toBe(1);

  const { runId, memo } = await scene.client.workflow.getHandle(id).describe();
  const requester = String((memo?.[aboutMemo] as { requester?: string } | undefined)?.requester);
  expect(requester).toMatch(/^cli:./);
  const lines = () => linesAbout(worker, { workflowId: id, runId, requester });
  await expect.poll(() => lines().map(({ msg }) => msg)).toContain("the run is over");
  expect(lines().filter(({ level }) => level !== "debug")).toMatchObject([
    { level: "info", status: "succeeded", language: "sh", backend: "kubernetes" },
  ]);
  expect(lines().map(({ activityType }) => activityType)).toEqual(expect.arrayContaining(["provision", "execute"]));

  const start = () => receiver.spans().find(({ attributes }) => attributes.temporalWorkflowID === id);
  const spans = () => receiver.spans().filter(({ traceId }) => traceId === start()?.traceId);
  await expect.poll(() => spans().map(({ name }) => name)).toContain("RunWorkflow:reapCell");
  const root = named(spans(), "StartWorkflow:executeCode");
  const run = named(spans(), "RunWorkflow:executeCode");
  const reap = named(spans(), "RunWorkflow:reapCell");
  expect(root).toMatchObject({ service: "kgents", parentSpanId: undefined });
  expect(run).toMatchObject({ service: "kgents-worker", parentSpanId: root.spanId });
  expect(run.attributes["kgents.status"]).toBe("succeeded");
  expect(reap.parentSpanId).toBe(run.spanId);
  for (const [name, parent] of [
    ["provision", run],
    ["execute", run],
    ["releaseCell", reap],
    ["removeCell", reap],
  ] as const)
    expect(named(spans(), `RunActivity:${name}`).parentSpanId, name).toBe(parent.spanId);
  const execute = named(spans(), "RunActivity:execute");
  expect(Number(execute.to - execute.from) / 1e9).toBeGreaterThan(1.9);
  expect(named(spans(), "RunActivity:removeCell").from).toBeGreaterThan(run.to);
});

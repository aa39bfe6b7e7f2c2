/** What a real worker's endpoint shows after real runs, and whether rules and dashboard ask for what is there. */
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { runMetrics, workerMetrics } from "../../core/metrics.ts";
import { type MeasuredWorker, startMeasuredWorker } from "./metrics-worker.ts";
import { scrape, valueOf } from "./scrape.ts";

let worker: MeasuredWorker;
/** A name that only the request knows. */
const invented = "klingon-0b1f";
beforeAll(async () => {
  worker = await startMeasuredWorker(inject("temporalAddress"));
});
afterAll(() => worker[Symbol.asyncDispose]());

test("runs are counted by language, backend, status and isolation; phases are timed", async () => {
  expect(await worker.run({ code: "print(1)" })).toMatchObject({ status: "succeeded" });
  expect(await worker.run({ code: "exit 3", language: "shell" })).toMatchObject({ status: "failed" });
  expect(await worker.run({ code: "sleep 60", language: "sh", timeout: 1 })).toMatchObject({ status: "timed-out" });
  expect(await worker.refused({ code: "nuqneH", language: invented })).toBe("unsupported-language");
  const samples = await scrape(worker.metricsPort);
  const runs = (labels: Record<string, string>) => valueOf(samples, "kgents_runs_total", labels);
  const sandbox = { backend: "subprocess", isolation: "sandbox" };
  expect(runs({ ...sandbox, language: "python", status: "succeeded" })).toBe(1);
  expect(runs({ ...sandbox, language: "sh", status: "failed" })).toBe(1);
  expect(runs({ ...sandbox, language: "sh", status: "timed-out" })).toBe(1);
  const unknown = { language: "unknown", backend: "unknown", isolation: "unknown" };
  expect(runs({ ...unknown, status: "error" })).toBe(1);
  expect(valueOf(samples, "kgents_run_failures_total", { kind: "unsupported-language" })).toBe(1);
  // The choice was the worker's, and it serves no cluster.
  expect(valueOf(samples, "kgents_fallbacks_total", { backend: "subprocess" })).toBe(3);
  for (const phase of ["provisioning", "starting", "running", "finishing"]) {
    expect(valueOf(samples, "kgents_run_phase_seconds_count", { phase })).toBe(3);
  }
  const ran = valueOf(samples, "kgents_run_phase_seconds_sum", { phase: "running" }) ?? 0;
  expect(ran).toBeGreaterThan(1);
  expect(ran).toBeLessThan(60);
  expect(valueOf(samples, "kgents_run_phase_seconds_bucket", { phase: "running", le: "0.5", language: "sh" })).toBe(1);
});

test("no label has a value that a request made up, or an id", async () => {
  const samples = (await scrape(worker.metricsPort)).filter(({ name }) => name.startsWith("kgents_"));
  const { taskQueue } = worker;
  const values = new Set(samples.flatMap(({ labels }) => Object.values(labels)).filter((value) => value !== taskQueue));
  expect(values).not.toContain(invented);
  expect([...values].filter((value) => /[0-9a-f]{8}/.test(value))).toEqual([]);
});

test("cells alive and waiting, and what the sandbox enforces", async () => {
  const shown = async (name: string, labels?: Record<string, string>) =>
    valueOf(await scrape(worker.metricsPort), name, labels);
  const sleeping = ["a", "b", "c"].map(() => worker.run({ code: "sleep 3", language: "sh" }));
  await expect.poll(() => shown("kgents_cells", { backend: "subprocess" })).toBe(2);
  await expect.poll(() => shown("kgents_cells_waiting")).toBe(1);
  await Promise.all(sleeping);
  await expect.poll(() => shown("kgents_cells", { backend: "subprocess" })).toBe(0);
  const samples = await scrape(worker.metricsPort);
  expect(valueOf(samples, "kgents_cells_waiting")).toBe(0);
  expect(valueOf(samples, "kgents_cells_maximum")).toBe(2);
  expect(valueOf(samples, "kgents_backend_available", { backend: "subprocess" })).toBe(1);
  expect(valueOf(samples, "kgents_isolation_level", { level: "sandbox" })).toBe(1);
  expect(valueOf(samples, "kgents_isolation_level", { level: "none" })).toBe(0);
  expect(valueOf(samples, "kgents_isolation_enforced", { limit: "network" })).toBe(1);
});

test("errors of the store", async () => {
  expect(valueOf(await scrape(worker.metricsPort), "kgents_store_errors_total")).toBe(0);
  expect(await worker.runWithoutStore({ code: "print('to nowhere')" })).toMatchObject({ status: "lost" });
  expect(
    valueOf(await scrape(worker.metricsPort), "kgents_store_errors_total", { operation: "write" }),
  ).toBeGreaterThan(0);
});

test("all that is documented is shown, with the labels that are documented", async () => {
  const samples = await scrape(worker.metricsPort);
  for (const { name, labels } of Object.values({ ...runMetrics, ...workerMetrics })) {
    const sample = samples.find((sample) => sample.name.replace(/_(?:total|count)$/, "") === name);
    expect(Object.keys(sample?.labels ?? {}), name).toEqual(expect.arrayContaining([...labels]));
  }
});

/** A real worker's metrics after real runs, and whether rules and dashboard use only existing metrics. */
import { readFile, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { type MetricDefinition, operatorMetrics, runMetrics, workerMetrics } from "#core/telemetry/metrics";
import { createOperatorMetrics } from "#operator/report/metrics";
import { runOrFail } from "../support/run.ts";
import { type MeasuredWorker, startMeasuredWorker } from "./metrics-worker.ts";
import { readSamples, scrape, totalOf } from "./scrape.ts";
import { buildTools } from "./tools.ts";

let worker: MeasuredWorker;
let tools: string;
/** A name that occurs only in the request. */
const invented = "klingon-0b1f";
// A cold build of the tools takes a minute or two.
beforeAll(async () => {
  tools = await buildTools();
}, 900_000);
beforeAll(async () => {
  worker = await startMeasuredWorker(inject("temporalAddress"), { KUBECONFIG: "/nonexistent/kubeconfig" });
});
afterAll(() => worker[Symbol.asyncDispose]());

/** What an operator shows from its start. */
const operatorSamples = readSamples(createOperatorMetrics().render());

const definitionsOf = (metrics: Readonly<Record<string, MetricDefinition>>): readonly MetricDefinition[] =>
  Object.values(metrics);

test("runs are counted by language, backend, status and isolation; phases are timed", async () => {
  expect(await worker.run({ code: "print(1)" })).toMatchObject({ status: "succeeded" });
  expect(await worker.run({ code: "exit 3", language: "shell" })).toMatchObject({ status: "failed" });
  expect(await worker.run({ code: "sleep 60", language: "sh", timeout: 1 })).toMatchObject({ status: "timed-out" });
  expect(await worker.refused({ code: "nuqneH", language: invented })).toBe("unsupported-language");
  const samples = await scrape(worker.metricsPort);
  const runs = (labels: Record<string, string>) => totalOf(samples, "kgents_runs_total", labels);
  const sandbox = { backend: "subprocess", isolation: "sandbox" };
  expect(runs({ ...sandbox, language: "python", status: "succeeded" })).toBe(1);
  expect(runs({ ...sandbox, language: "sh", status: "failed" })).toBe(1);
  expect(runs({ ...sandbox, language: "sh", status: "timed-out" })).toBe(1);
  const unknown = { language: "unknown", backend: "unknown", isolation: "unknown" };
  expect(runs({ ...unknown, status: "error" })).toBe(1);
  expect(totalOf(samples, "kgents_run_failures_total", { kind: "unsupported-language" })).toBe(1);
  // The worker chose the fallback; the named cluster does not exist.
  expect(totalOf(samples, "kgents_fallbacks_total", { backend: "subprocess" })).toBe(3);
  for (const phase of ["provisioning", "starting", "running", "finishing"]) {
    expect(totalOf(samples, "kgents_run_phase_seconds_count", { phase })).toBe(3);
  }
  const ran = totalOf(samples, "kgents_run_phase_seconds_sum", { phase: "running" }) ?? 0;
  expect(ran).toBeGreaterThan(1);
  expect(ran).toBeLessThan(60);
  expect(totalOf(samples, "kgents_run_phase_seconds_bucket", { phase: "running", le: "0.5", language: "sh" })).toBe(1);
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
    totalOf(await scrape(worker.metricsPort), name, labels);
  const sleeping = ["a", "b", "c"].map(() => worker.run({ code: "sleep 3", language: "sh" }));
  await expect.poll(() => shown("kgents_cells", { backend: "subprocess" })).toBe(2);
  await expect.poll(() => shown("kgents_cells_waiting")).toBe(1);
  await Promise.all(sleeping);
  await expect.poll(() => shown("kgents_cells", { backend: "subprocess" })).toBe(0);
  const samples = await scrape(worker.metricsPort);
  expect(totalOf(samples, "kgents_cells_waiting")).toBe(0);
  expect(totalOf(samples, "kgents_cells_maximum")).toBe(2);
  expect(totalOf(samples, "kgents_backend_available", { backend: "subprocess" })).toBe(1);
  expect(totalOf(samples, "kgents_isolation_level", { level: "sandbox" })).toBe(1);
  expect(totalOf(samples, "kgents_isolation_level", { level: "none" })).toBe(0);
  expect(totalOf(samples, "kgents_isolation_enforced", { limit: "network" })).toBe(1);
});

test("errors of the store", async () => {
  expect(totalOf(await scrape(worker.metricsPort), "kgents_store_errors_total")).toBe(0);
  expect(await worker.runWithoutStore({ code: "print('to nowhere')" })).toMatchObject({ status: "lost" });
  expect(
    totalOf(await scrape(worker.metricsPort), "kgents_store_errors_total", { operation: "write" }),
  ).toBeGreaterThan(0);
});

test("all that is defined is shown with its labels, and documented", async () => {
  const samples = [...(await scrape(worker.metricsPort)), ...operatorSamples];
  const page = await readFile(new URL("../../docs/observability.md", import.meta.url), "utf8");
  for (const { name, labels } of [runMetrics, workerMetrics, operatorMetrics].flatMap(definitionsOf)) {
    const sample = samples.find((sample) => sample.name.replace(/_(?:total|count)$/, "") === name);
    expect(page).toMatch(
      new RegExp(`^\\| \`${name}(?:_total)?\` \\|.*${labels.map((label) => `\`${label}\``).join(", ")} \\|`, "m"),
    );
    expect(Object.keys(sample?.labels ?? {}), name).toEqual(expect.arrayContaining([...labels]));
  }
});

const deployed = (name: string): string =>
  fileURLToPath(new URL(`../../deploy/observability/${name}`, import.meta.url));

/** The queries of all panels, as sent by Grafana. */
async function dashboardQueries(): Promise<string[]> {
  const { panels } = JSON.parse(await readFile(deployed("grafana-dashboard.json"), "utf8"));
  return panels.flatMap(({ targets }: { targets: { expr: string }[] }) =>
    targets.map(({ expr }) => expr.replaceAll("$__rate_interval", "5m")),
  );
}

test("Prometheus takes the alert rules and the dashboard's queries, and a worker or an operator shows every metric that they name", async () => {
  const rules: string[] = JSON.parse(await runOrFail([tools, "rules", deployed("prometheus-rules.yaml")]));
  const queries = await dashboardQueries();
  expect(rules.length).toBeGreaterThan(5);
  expect(queries.length).toBeGreaterThan(20);
  const named: string[] = JSON.parse(
    await runOrFail([tools, "metrics"], { input: JSON.stringify([...rules, ...queries]) }),
  );
  const samples = [...(await scrape(worker.metricsPort)), ...operatorSamples];
  const shown = new Set(samples.map(({ name }) => name));
  expect(named.filter((name) => !shown.has(name))).toEqual([]);
  // Every metric of ours is used in a rule or a panel.
  const ours = [runMetrics, workerMetrics, operatorMetrics].flatMap(definitionsOf).map(({ name }) => name);
  expect(ours.filter((name) => !named.some((used) => used.replace(/_(?:total|bucket)$/, "") === name))).toEqual([]);
});

test("Prometheus' parsers refuse what is wrong", async () => {
  const wrong = (await readFile(deployed("prometheus-rules.yaml"), "utf8")).replace("sum(rate(", "sum(rate((");
  const file = `${worker.directory}/wrong.yaml`;
  await writeFile(file, wrong);
  await expect(runOrFail([tools, "rules", file])).rejects.toThrow("could not parse expression");
  await expect(runOrFail([tools, "metrics"], { input: '["rate(kgents_cells"]' })).rejects.toThrow("parse error");
});

/** Many runs through one worker: correct results, one watch, few requests, and no growth of memory per run. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, it } from "vitest";
import type { TestWorker } from "../support/test-worker.ts";
import { apiProxy } from "./api-proxy.ts";
import { until } from "./moments.ts";
import { cellNamespace, startClusterWorker } from "./support.ts";

/** Numbers of runs. Growth of memory shows between the two waves. */
const waves = [40, 60] as const;
const inFlight = 12;
/** Runs before them, one at a time. */
const alone = 5;
/** The maximum number of API server requests per run; docs/kubernetes.md lists them. */
const mostRequests = 12;

setFlagsFromString("--expose-gc");
const collectGarbage: () => void = runInNewContext("gc");

/** Live memory of this process in MiB: the worker, and a little of the test. */
function liveMebibytes(): number {
  collectGarbage();
  return process.memoryUsage().heapUsed / 2 ** 20;
}

/** Carries out one run, whose whole result depends on its number. */
async function runNumber(worker: TestWorker, number: number): Promise<void> {
  const result = await worker.run({
    code: `echo $((${number} * ${number})); echo "error ${number}" >&2; exit $((${number} % 3))`,
    language: "sh",
    backend: "kubernetes",
    startupTimeout: 120,
    ttl: 1,
  });
  expect(result).toMatchObject({
    exitCode: number % 3,
    stdout: { text: `${number * number}\n` },
    stderr: { text: `error ${number}\n` },
    attempts: 1,
  });
}

it(`100 runs, ${inFlight} at a time`, async () => {
  const directory = await mkdtemp(join(tmpdir(), "kgents-scale-"));
  await using namespace = await cellNamespace();
  await using proxy = await apiProxy(join(directory, "kubeconfig"));
  await using worker = await startClusterWorker(namespace.name, { kubeconfig: proxy.kubeconfig });
  const lines: string[] = [];
  const alive: number[] = [];
  let next = 0;
  let runs = 0;
  const requests = (): number => Object.values(proxy.counts()).reduce((sum, count) => sum + count, 0);
  while (next < alone) await runNumber(worker, next++);
  await until("the end of their cells", async () => (await namespace.left()).length === 0, 1000);
  const perRunAlone = requests() / alone;
  lines.push(`${perRunAlone.toFixed(1)} requests a run, one at a time: ${JSON.stringify(proxy.counts())}`);
  const before = proxy.counts();
  next = 0;
  for (const wave of waves) {
    const began = Date.now();
    runs += wave;
    const lane = async (): Promise<void> => {
      while (next < runs) await runNumber(worker, next++);
    };
    await Promise.all(Array.from({ length: inFlight }, lane));
    const seconds = (Date.now() - began) / 1000;
    await until("the end of all cells", async () => (await namespace.left()).length === 0, 1000);
    alive.push(liveMebibytes());
    lines.push(
      `${wave} runs: ${seconds.toFixed(0)} s, ${(wave / seconds).toFixed(2)} a second; alive after them: ${alive.at(-1)?.toFixed(1)} MiB`,
    );
  }
  const counts = Object.entries(proxy.counts())
    .map(([kind, count]): [string, number] => [kind, count - (before[kind] ?? 0)])
    .sort(([, a], [, b]) => b - a);
  const perRun = counts.reduce((sum, [, count]) => sum + count, 0) / runs;
  lines.push(`${perRun.toFixed(1)} requests a run: ${counts.map(([kind, n]) => `${n / runs} ${kind}`).join(", ")}`);
  console.log(lines.join("\n"));

  expect(proxy.mostWatches()).toBe(1);
  // One watch, and another after the server has closed its connection.
  expect(proxy.counts()["watch pods"]).toBeLessThanOrEqual(3);
  expect(perRun).toBeLessThan(mostRequests);
  // A single run also pays for the requests that are limited to one each second or each ten seconds.
  expect(perRunAlone).toBeLessThan(mostRequests + 1.5);
  const [early = 0, late = 0] = alive;
  expect(late - early, "MiB that the second wave left").toBeLessThan(10);
  await rm(directory, { recursive: true, force: true });
}, 240_000);

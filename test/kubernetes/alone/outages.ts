/** Parts of the cluster that stop during or before a run. These tests need the node to themselves. */
import { expect, it, vi } from "vitest";
import type { ExecutionRequest } from "#core/contract/request";
import type { NodeComponent } from "../../cluster/types.ts";
import { hardenedJob } from "../manifests.ts";
import { cellOf, isNext, leftOf, refuseAll } from "../moments.ts";
import { createAgentNamespace, sleeping, startTestOperator } from "../operator/scene.ts";
import { kubectl, node, useClusterWorker } from "../support.ts";

// The API server is away for a minute, and a cluster takes time to recover.
vi.setConfig({ testTimeout: 300_000 });

const here = useClusterWorker({ nodePatienceMilliseconds: 5000 });

const empty = () => expect.poll(() => here.namespace.left(), { timeout: 60_000, interval: 500 }).toEqual([]);

const request = (code: string, more: Partial<ExecutionRequest> = {}): ExecutionRequest => ({
  ...{ code, language: "sh", cpu: 1, ttl: 1, backend: "kubernetes" },
  ...more,
});

/** Starts a run and waits for its first output. */
async function begun(code: string, more: Partial<ExecutionRequest> = {}) {
  const handle = await here.worker.start(request(code, more));
  for await (const event of handle.output()) if (event.type === "output") break;
  return handle;
}

const pause = (milliseconds: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, milliseconds));

/**
 * Starts what watches the API server anew: after an outage it would look again only after up to a minute, and no pods
 * would be created, scheduled or removed until then.
 */
async function restart(...components: NodeComponent[]): Promise<void> {
  for (const component of components) {
    await node().stop(component);
    await node().start(component);
  }
}

/** Runs that an outage of the API server meets at different moments. */
async function runsAtAllMoments() {
  const running = await begun(
    `for i in $(seq ${lines}); do echo "out $i"; echo "err $i" >&2; sleep 0.1; done; exit 7`,
    { timeout: 240 },
  );
  const cancelled = await begun("echo early; sleep 600", { timeout: 600 });
  const finished = await here.worker.start(request("echo done", { ttl: 20 }));
  const outOfTime = await begun("echo early; sleep 3; echo late; sleep 600", { timeout: 20 });
  await finished.result();
  // A resource that only cells use.
  const allow = await refuseAll(here, "ephemeral-storage");
  const waiting = await here.worker.start(request("echo done"));
  await isNext(waiting);
  return { running, cancelled, finished, outOfTime, waiting, allow };
}

const lines = 400;
const numbered = (word: string) => Array.from({ length: lines }, (_, index) => `${word} ${index + 1}\n`).join("");

it("the API server away for a minute: whatever a run is at, it ends right; an operator sees again, and goes on", async () => {
  await using agents = await createAgentNamespace();
  await using operator = await startTestOperator(agents.name);
  await agents.applyAgent("outlived", sleeping({ replicas: 0 }));
  await expect.poll(() => agents.reason("outlived")).toBe("ScaledToZero");
  const { running, cancelled, finished, outOfTime, waiting, allow } = await runsAtAllMoments();

  await node().stop("apiserver");
  try {
    // Everything else happens meanwhile: output, the end of the code and of its time, the cancellation, the removal.
    await Promise.all([
      pause(60_000),
      cancelled.cancel(),
      expect.poll(operator.unready).toMatch(/^cannot be watched: /),
      expect.poll(operator.isLeader).toBe(false),
    ]);
  } finally {
    await node().start("apiserver");
  }
  const from = performance.now();
  await agents.applyAgent("outlived", sleeping({ replicas: 0, port: 9999 }));
  const seen = expect
    .poll(async () => JSON.stringify(await agents.get("Service", "outlived")))
    .toContain("9999")
    .then(() => console.log(`outage: an operator saw again after ${Math.round(performance.now() - from)} ms`));
  await restart("controller-manager", "scheduler");
  expect(await waiting.describe()).toMatchObject({ waiting: { place: "cluster", ahead: 0 } });
  expect(await running.result()).toMatchObject({
    ...{ status: "failed", exitCode: 7, attempts: 1 },
    ...{ stdout: { text: numbered("out") }, stderr: { text: numbered("err") } },
  });
  expect(await outOfTime.result()).toMatchObject({ status: "timed-out", stdout: { text: "early\nlate\n" } });
  expect(await cancelled.result()).toMatchObject({ status: "cancelled", stdout: { text: "early\n" } });
  await seen;
  await expect.poll(operator.unready).toBeUndefined();
  // No run depends on it any more.
  await restart("kubelet");
  await allow();
  expect(await waiting.result()).toMatchObject({ status: "succeeded", attempts: 1, stdout: { text: "done\n" } });
  await here.worker.client.workflow.getHandle(`reap-${cellOf(finished)}`).result();
  await empty();
});

it("the kubelet stopped: a run is lost soon after its time, with the output it had; others go on afterwards", async () => {
  const lost = await begun("echo early; sleep 600", { timeout: 5 });
  const goesOn = await begun("echo early; sleep 8; echo late", { timeout: 240 });
  await node().stop("kubelet");
  try {
    await here.namespace.apply(hardenedJob("patient", "busybox:1.37", ["true"]));
    const began = Date.now();
    const result = await lost.result();
    expect(result).toMatchObject({ status: "lost", exitCode: null, stdout: { text: "early\n" } });
    // The timeout, the wait for the node, and the removal of pods that nothing else deletes.
    expect(Date.now() - began).toBeLessThan(60_000);
    // Deleted from the cluster, although its node cannot confirm it.
    await expect.poll(() => leftOf(here.namespace, lost)).toBe(0);
    expect(await here.namespace.kubectl("get", "job", "patient", "-o", "jsonpath={.status.succeeded}")).toBe("");
  } finally {
    await node().start("kubelet");
  }
  expect(await goesOn.result()).toMatchObject({ status: "succeeded", stdout: { text: "early\nlate\n" } });
  await here.namespace.kubectl("wait", "job/patient", "--for=condition=Complete", "--timeout=60s");
  await empty();
});

it("no node takes pods: unschedulable, when the start-up time is over", async () => {
  const names = (await kubectl(["get", "nodes", "-o", "name"])).trim().split("\n");
  for (const name of names) await kubectl(["cordon", name]);
  try {
    const began = Date.now();
    await expect(here.worker.run(request("true", { startupTimeout: 3 }))).rejects.toMatchObject({
      code: "unschedulable",
    });
    expect(Date.now() - began).toBeLessThan(15_000);
    await empty();
  } finally {
    for (const name of names) await kubectl(["uncordon", name]);
  }
});

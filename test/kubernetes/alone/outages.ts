/** Parts of the cluster that stop during or before a run. These tests need the node to themselves. */
import { randomUUID } from "node:crypto";
import { expect, it, vi } from "vitest";
import type { ExecutionRequest } from "#core/contract/request";
import { hardenedJob } from "../manifests.ts";
import { isNext, refuseAll } from "../moments.ts";
import { kubectl, node, useClusterWorker } from "../support.ts";

// A cluster takes time to recover after its API server was stopped.
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

/** Waits until a pod can be created, scheduled, started and observed to end again. */
async function caughtUp(): Promise<void> {
  const name = `probe-${randomUUID().slice(0, 8)}`;
  await here.namespace.apply(hardenedJob(name, "busybox:1.37", ["true"]));
  await here.namespace.kubectl("wait", `job/${name}`, "--for=condition=Complete", "--timeout=180s");
}

/** Stops the API server for the given time. */
async function withoutApiServer(milliseconds: number): Promise<void> {
  const { stop, start } = node();
  await stop("apiserver");
  try {
    await new Promise((resolve) => setTimeout(resolve, milliseconds));
  } finally {
    await start("apiserver");
    // Their watches back off while the server is stopped: for a minute no pods would be created, scheduled or removed.
    for (const component of ["controller-manager", "scheduler"] as const) {
      await stop(component);
      await start(component);
    }
    // The kubelet's watch backs off too. It is not restarted, because the run under test depends on it.
    await caughtUp();
  }
}

it("the API server away for 20 s in the middle of a run, and while another waits for room: both end right", async () => {
  const lines = 200;
  const handle = await begun(`for i in $(seq ${lines}); do echo "out $i"; echo "err $i" >&2; sleep 0.1; done; exit 7`, {
    timeout: 120,
  });
  // A resource that only cells use.
  const allow = await refuseAll(here, "ephemeral-storage");
  const waiting = await here.worker.start(request("echo done"));
  await isNext(waiting);
  await withoutApiServer(20_000);
  expect(await waiting.describe()).toMatchObject({ waiting: { place: "cluster", ahead: 0 } });
  await allow();
  const numbered = (word: string) => Array.from({ length: lines }, (_, index) => `${word} ${index + 1}\n`).join("");
  expect(await handle.result()).toMatchObject({
    ...{ status: "failed", exitCode: 7, attempts: 1 },
    ...{ stdout: { text: numbered("out") }, stderr: { text: numbered("err") } },
  });
  expect(await waiting.result()).toMatchObject({ status: "succeeded", attempts: 1, stdout: { text: "done\n" } });
  await empty();
});

it("the API server away when code is out of time: it is ended all the same, with all its output", async () => {
  const handle = await begun("echo early; sleep 3; echo late; sleep 600", { timeout: 8 });
  await withoutApiServer(15_000);
  expect(await handle.result()).toMatchObject({ status: "timed-out", stdout: { text: "early\nlate\n" } });
  await empty();
});

it("the kubelet stopped in the middle of a run: lost, with the output it had, soon after its time", async () => {
  const handle = await begun("echo early; sleep 600", { timeout: 5 });
  await node().stop("kubelet");
  try {
    const began = Date.now();
    const result = await handle.result();
    expect(result).toMatchObject({ status: "lost", exitCode: null, stdout: { text: "early\n" } });
    // The timeout, the wait for the node, and the removal of pods that nothing else deletes.
    expect(Date.now() - began).toBeLessThan(60_000);
    // Deleted from the cluster, although its node cannot confirm it.
    await empty();
  } finally {
    await node().start("kubelet");
  }
});

it("the kubelet stopped for a moment: the run goes on and ends right", async () => {
  const handle = await begun("echo early; sleep 8; echo late", { timeout: 60 });
  await node().stop("kubelet");
  await node().start("kubelet");
  expect(await handle.result()).toMatchObject({ status: "succeeded", stdout: { text: "early\nlate\n" } });
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

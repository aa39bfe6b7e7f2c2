/**
 * Rollouts of Agents as workflows: how each ends, what the UI shows, that they replay, and that Temporal may be away for
 * the whole life of an Agent.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Client, Connection, type WorkflowHandle } from "@temporalio/client";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { createClusterClient } from "#cells/kubernetes/api/cluster-client";
import { type Rollout, type RolloutEnd, rolloutId, rolloutTitle } from "#core/agents/rollout";
import { createLogger } from "#platform/host/logger";
import { type RolloutsRecorder, recordRollouts } from "#worker/rollouts/record-rollouts";
import { type DevServer, freePort, startDevServer } from "../../support/dev-server.ts";
import { bundlePath, ensureRuntime, replayAll } from "../../support/test-worker.ts";
import { picture } from "../../ui/pictures.ts";
import { openTemporalUi } from "../../ui/temporal-ui.ts";
import {
  type AgentNamespace,
  createAgentNamespace,
  type StoredAgent,
  sleeping,
  startTestOperator,
} from "../operator/scene.ts";
import { cluster } from "../support.ts";

process.env.LOG_LEVEL ??= "error";
const log = createLogger();
const address = inject("temporalAddress");
let namespace: AgentNamespace;
let taskQueue: string;
let client: Client;
beforeAll(async () => {
  ensureRuntime();
  namespace = await createAgentNamespace();
  taskQueue = `rollouts-${namespace.name}`;
  client = new Client({ connection: await Connection.connect({ address }) });
});
afterAll(async () => {
  await client.connection.close();
  await namespace[Symbol.asyncDispose]();
});

async function recorderAt(at: string): Promise<RolloutsRecorder & AsyncDisposable> {
  const ofCluster = await createClusterClient({ kubeconfig: cluster.kubeconfig, namespace: namespace.name });
  const namespaces = [namespace.name];
  const settings = { client: ofCluster, namespaces, log, address: at, taskQueue, bundlePath, hasRuntime: true };
  const recorder = recordRollouts(settings);
  return { ...recorder, [Symbol.asyncDispose]: recorder.close };
}

const rolloutOf = ({ metadata }: StoredAgent, generation = 1): Rollout => ({
  namespace: namespace.name,
  name: metadata?.name ?? "",
  uid: metadata?.uid ?? "",
  generation,
  image: "busybox:1.37",
  changes: generation === 1 ? [] : ["replicas"],
  manager: "kgents",
});

/** The workflow of a rollout, once it is there. */
async function workflowOf(rollout: Rollout, of: Client = client): Promise<WorkflowHandle<() => Promise<RolloutEnd>>> {
  const handle = of.workflow.getHandle<() => Promise<RolloutEnd>>(rolloutId(rollout));
  await expect.poll(() => handle.describe().then(({ type }) => type, String)).toBe("rollOutAgent");
  return handle;
}

const detailsOf = async (handle: WorkflowHandle): Promise<string> =>
  (await handle.query<{ currentDetails: string }, []>("__temporal_workflow_metadata")).currentDetails;

/** Writes a status as an operator would. */
const says = (name: string, generation: number, ready: string, progressing = "RollingOut") => {
  const lastTransitionTime = "2026-11-28T00:00:00Z";
  const condition = (type: string, reason: string, status: string) => ({
    ...{ type, status, reason, message: `said of ${type}`, lastTransitionTime, observedGeneration: generation },
  });
  const conditions = [
    condition("Ready", ready, ready === "Available" ? "True" : "False"),
    condition("Progressing", progressing, progressing === "RollingOut" ? "True" : "False"),
  ];
  const patch = JSON.stringify({ status: { conditions } });
  return namespace.kubectl("patch", "agents.kgents.io", name, "--subresource=status", "--type=merge", "-p", patch);
};

test("a rollout ends as the status of its generation says, and is recorded once", async () => {
  await using recorder = await recorderAt(address);
  const agents = await Promise.all(
    ["ready", "failed", "superseded", "deleted"].map((name) => namespace.applyAgent(name, sleeping({ replicas: 0 }))),
  );
  const rollouts = agents.map((agent) => rolloutOf(agent));
  for (const rollout of [...rollouts, ...rollouts]) recorder.begin(rollout);
  const handles = await Promise.all(rollouts.map((rollout) => workflowOf(rollout)));
  const [first, title] = [handles[0], rollouts[0]].flatMap((one) => one ?? []) as [WorkflowHandle, Rollout];
  await expect.poll(() => detailsOf(first)).toMatch(/^Agent `ready` in .*By the field manager `kgents`/s);
  expect(await (await first.describe()).staticSummary()).toBe(rolloutTitle(title));
  await says("ready", 1, "Available");
  await says("failed", 1, "ImagePull", "ProgressDeadlineExceeded");
  await namespace.applyAgent("superseded", sleeping({ replicas: 0, port: 9000 }));
  await namespace.kubectl("delete", "agents.kgents.io", "deleted");
  const ends = await Promise.all(handles.map((handle) => handle.result()));
  expect(ends.map(({ outcome, reason }) => [outcome, reason])).toEqual([
    ["ready", "Available"],
    ["failed", "ImagePull"],
    ["superseded", null],
    ["deleted", null],
  ]);
  expect(await detailsOf(first)).toMatch(/^\*\*ready\*\* after .* \(Available\): said of Ready/);
  expect(recorder.pending()).toBe(0);
});

test("another operator goes on with the rollout that one awaited", async () => {
  const rollout = rolloutOf(await namespace.applyAgent("handed-over", sleeping({ replicas: 0 })));
  const leaving = await recorderAt(address);
  leaving.begin(rollout);
  const handle = await workflowOf(rollout);
  await expect.poll(async () => (await handle.describe()).raw.pendingActivities?.[0]?.lastStartedTime).toBeTruthy();
  await leaving.close();
  await using _next = await recorderAt(address);
  await says("handed-over", 1, "Available");
  expect(await handle.result()).toMatchObject({ outcome: "ready" });
});

test("a cancelled rollout is over, and the Agent is not", async () => {
  await using recorder = await recorderAt(address);
  const rollout = rolloutOf(await namespace.applyAgent("cancelled", sleeping({ replicas: 0 })));
  recorder.begin(rollout);
  const handle = await workflowOf(rollout);
  await expect.poll(() => detailsOf(handle)).toContain("Agent `cancelled`");
  await handle.cancel();
  await expect.poll(async () => (await handle.describe()).status.name).toBe("CANCELLED");
  expect(await namespace.agent("cancelled")).toBeDefined();
});

test("the operator hands over each generation, with what changed", async () => {
  await using recorder = await recorderAt(address);
  await using _operator = await startTestOperator(namespace.name, { rollouts: recorder });
  const agent = await namespace.applyAgent("b-gent", sleeping({ replicas: 0 }));
  const first = rolloutOf(agent);
  expect(await (await workflowOf(first)).result()).toMatchObject({ outcome: "ready", reason: "ScaledToZero" });
  await namespace.applyAgent("b-gent", sleeping({ port: 9000 }));
  const second = await workflowOf({ ...first, generation: 2 });
  expect(await second.result()).toMatchObject({ outcome: "ready", reason: "Available" });
  await using ui = await openTemporalUi(inject("temporalUi"));
  const { runId } = await second.describe();
  const { summary, current } = await ui.openStory({ id: second.workflowId, runId }, "Changed");
  expect(await summary.innerText()).toContain("/b-gent, generation 2: python:3.13-slim");
  const told = (await current.innerText()).trim();
  expect(told).toMatch(/^ready after [\d.]+ s \(Available\): all pods are of the current spec/);
  expect(told).toMatch(/Changed: port, replicas\s+By the field manager kgents/);
  await picture(ui.page, "agent-rollout");
});

test("every rollout replays", async () => {
  expect(await replayAll(client, taskQueue)).toBeGreaterThanOrEqual(8);
});

test("without Temporal an Agent lives and goes; its rollouts are recorded afterwards", async () => {
  const directory = await mkdtemp(join(tmpdir(), "kgents-rollouts-"));
  const port = await freePort();
  let server: DevServer | undefined;
  try {
    await using recorder = await recorderAt(`127.0.0.1:${port}`);
    await using _operator = await startTestOperator(namespace.name, { rollouts: recorder });
    const agent = await namespace.applyAgent("alone", sleeping({ replicas: 0 }));
    await expect.poll(() => namespace.reason("alone")).toBe("ScaledToZero");
    await namespace.applyAgent("alone", sleeping({ replicas: 0, port: 9000 }));
    await expect.poll(() => namespace.get("Service", "alone")).toMatchObject({ spec: { ports: [{ port: 9000 }] } });
    await namespace.kubectl("delete", "configmap", "agent-alone");
    await expect.poll(() => namespace.get("ConfigMap", "agent-alone")).toBeDefined();
    await namespace.kubectl("delete", "agents.kgents.io", "alone");
    await expect.poll(() => namespace.get("Deployment", "alone")).toBeUndefined();
    const waiting = recorder.pending();
    expect(waiting).toBeGreaterThanOrEqual(2);
    server = await startDevServer(inject("temporalBinary"), join(directory, "temporal.db"), { port });
    const connection = await Connection.connect({ address: server.address });
    const later = new Client({ connection });
    for (const generation of [1, 2]) {
      const handle = await workflowOf(rolloutOf(agent, generation), later);
      expect(await handle.result()).toMatchObject({ outcome: "deleted" });
    }
    await expect.poll(() => recorder.pending()).toBe(0);
    await connection.close();
  } finally {
    await server?.stop();
    await rm(directory, { recursive: true, force: true });
  }
});

/** An Agent's life: its objects, their hardening, its scale, its changes, its end. */
import { afterAll, beforeAll, expect, test } from "vitest";
import type { KubernetesJson } from "#cells/kubernetes/api/kubernetes-json";
import type { LiveDeployment } from "#core/agents/live-state";
import { agentLabel } from "#core/agents/names";
import type { Rollout } from "#core/agents/rollout";
import { jobTypeLabel } from "#core/manifest/cluster-names";
import { lookOnce } from "#operator/see/look-once";
import { clientPod } from "../manifests.ts";
import { cluster } from "../support.ts";
import { type AgentNamespace, createAgentNamespace, image, sleeping, startTestOperator } from "./scene.ts";

let namespace: AgentNamespace;
let operator: Awaited<ReturnType<typeof startTestOperator>>;
const rollouts: Rollout[] = [];
beforeAll(async () => {
  namespace = await createAgentNamespace();
  const recorder = { begin: (rollout: Rollout) => void rollouts.push(rollout), close: async () => {} };
  operator = await startTestOperator(namespace.name, { rollouts: recorder });
});
afterAll(async () => {
  await operator.close();
  await namespace[Symbol.asyncDispose]();
});

const childrenOf = async (name: string): Promise<string[]> =>
  (await namespace.children()).filter((child) => [name, `agent-${name}`].includes(child.split("/")[1] ?? ""));

const deployment = (name: string) => namespace.get<KubernetesJson & LiveDeployment>("Deployment", name);

test("an Agent gets its five objects, which belong to it; a placeholder has no Service", async () => {
  const { metadata } = await namespace.applyAgent("five", sleeping({ replicas: 0 }));
  await expect.poll(() => namespace.reason("five")).toBe("ScaledToZero");
  expect(await childrenOf("five")).toEqual([
    "configmap/agent-five",
    "deployment.apps/five",
    "networkpolicy.networking.k8s.io/agent-five",
    "service/five",
    "serviceaccount/agent-five",
  ]);
  const owner = { apiVersion: "kgents.io/v1", kind: "Agent", name: "five", uid: metadata?.uid };
  for (const [kind, name] of [
    ["ConfigMap", "agent-five"],
    ["Deployment", "five"],
    ["Service", "five"],
  ] as const) {
    const object = await namespace.get(kind, name);
    expect(object?.metadata?.ownerReferences).toEqual([{ ...owner, controller: true, blockOwnerDeletion: true }]);
  }
  const { genus, resources } = sleeping();
  await namespace.applyAgent("five", { genus, resources: resources ?? {}, placeholder: true, replicas: 0 });
  await expect.poll(() => childrenOf("five")).not.toContain("service/five");
  await expect.poll(() => namespace.reason("five")).toBe("ScaledToZero");
});

test("its pod is hardened, seen from inside, and has no token", async () => {
  await namespace.applyAgent("inside", sleeping({ config: { level: 3 }, instructions: "Be kind." }));
  await expect.poll(() => namespace.reason("inside"), { timeout: 90_000 }).toBe("Available");
  const script = [
    "id -u",
    "touch /nowhere 2>/dev/null || echo read-only",
    "grep -E '^(CapEff|NoNewPrivs|Seccomp):' /proc/self/status | tr -d '\\t'",
    "ls /var/run/secrets 2>/dev/null || echo no secrets",
    "echo $KGENTS_LEVEL; cat /etc/kgents/spec.md; echo; touch /state/x && echo writable",
  ];
  const pod = (await namespace.kubectl("get", "pods", "-l", "kgents.io/agent=inside", "-o", "name")).trim();
  const seen = (await namespace.kubectl("exec", pod, "--", "sh", "-c", script.join("; "))).trim().split("\n");
  expect(seen).toEqual([
    ...["1000", "read-only", "CapEff:0000000000000000", "NoNewPrivs:1", "Seccomp:2", "no secrets"],
    ...["3", "Be kind.", "writable"],
  ]);
  const { status } = (await namespace.agent("inside")) ?? {};
  expect(status).toMatchObject({
    phase: "Running",
    replicas: 1,
    readyReplicas: 1,
    selector: "kgents.io/agent=inside,kgents.io/genus=B",
  });
});

test("`kubectl scale` on the Agent scales it to three, and to zero", async () => {
  await namespace.applyAgent("scaled", sleeping({ replicas: 0 }));
  await expect.poll(() => namespace.reason("scaled")).toBe("ScaledToZero");
  await namespace.kubectl("scale", "agents.kgents.io/scaled", "--replicas=3");
  await expect.poll(() => namespace.reason("scaled"), { timeout: 120_000 }).toBe("Available");
  expect((await namespace.agent("scaled"))?.status?.readyReplicas).toBe(3);
  await namespace.kubectl("scale", "agents.kgents.io/scaled", "--replicas=0");
  await expect.poll(() => namespace.reason("scaled"), { timeout: 90_000 }).toBe("ScaledToZero");
});

test("a bad image is said while the old pod serves, and is mended; each generation is one rollout", async () => {
  await namespace.applyAgent("rolled", sleeping());
  await expect.poll(() => namespace.reason("rolled"), { timeout: 90_000 }).toBe("Available");
  const { metadata } = await namespace.applyAgent("rolled", sleeping({ image: "registry.invalid/nothing:1" }));
  await expect.poll(() => namespace.reason("rolled"), { timeout: 60_000 }).toBe("ImagePull");
  expect((await deployment("rolled"))?.status?.availableReplicas).toBe(1);
  expect((await namespace.agent("rolled"))?.status?.phase).toBe("Degraded");
  await namespace.applyAgent("rolled", sleeping({ env: [{ name: "MENDED", value: "yes" }] }));
  await expect.poll(() => namespace.reason("rolled"), { timeout: 90_000 }).toBe("Available");
  const own = rollouts.filter(({ uid }) => uid === metadata?.uid);
  expect(own.map(({ generation, changes, manager }) => ({ generation, changes, manager }))).toEqual([
    { generation: 1, changes: [], manager: "kgents" },
    { generation: 2, changes: ["image"], manager: "kgents" },
    { generation: 3, changes: ["env", "image"], manager: "kgents" },
  ]);
  expect(own[1]?.image).toBe("registry.invalid/nothing:1");
  expect(own[0]?.image).toBe(image);
});

test("another operator that takes over changes nothing, and records no rollout again", async () => {
  await namespace.applyAgent("kept", sleeping({ replicas: 0 }));
  await expect.poll(() => namespace.reason("kept")).toBe("ScaledToZero");
  const before = [await namespace.agent("kept"), await deployment("kept")].map(
    (object) => object?.metadata?.resourceVersion,
  );
  const known = rollouts.length;
  await operator.close();
  operator = await startTestOperator(namespace.name, {
    rollouts: { begin: (rollout) => void rollouts.push(rollout), close: async () => {} },
  });
  await expect.poll(() => operator.metrics.render()).toMatch(/kgents_operator_leader 1\n/);
  await expect.poll(() => operator.metrics.render()).toMatch(/outcome="unchanged"} [1-9]/);
  await expect.poll(() => operator.metrics.render()).toMatch(/kgents_operator_queue_depth 0\n/);
  const after = [await namespace.agent("kept"), await deployment("kept")].map(
    (object) => object?.metadata?.resourceVersion,
  );
  expect(after).toEqual(before);
  expect(rollouts).toHaveLength(known);
});

test("a cell has the label of an Agent q-gent, and is not one of its pods", async () => {
  const cell = clientPod("cell");
  const labels = { [agentLabel]: "q-gent", [jobTypeLabel]: "ephemeral" };
  await namespace.objects.create({ ...cell, metadata: { name: "cell", labels } }, { fieldManager: "test" });
  await namespace.applyAgent("q-gent", sleeping({ networkPolicy: { allowEgress: true } }));
  await expect.poll(() => namespace.reason("q-gent"), { timeout: 90_000 }).toBe("Available");
  const policy = await namespace.get<KubernetesJson & { spec: { podSelector: { matchLabels: object } } }>(
    "NetworkPolicy",
    "agent-q-gent",
  );
  const service = await namespace.get<KubernetesJson & { spec: { selector: object } }>("Service", "q-gent");
  for (const labels of [policy?.spec.podSelector.matchLabels, service?.spec.selector]) {
    const selector = Object.entries(labels ?? {}).map((pair) => pair.join("="));
    const pods = await namespace.kubectl("get", "pods", "-l", selector.join(","), "-o", "name");
    expect(pods).toMatch(/^pod\/q-gent-\S+\n$/);
  }
  const view = await lookOnce(namespace.objects, { namespace: namespace.name, name: "q-gent" });
  expect(view.pods("").map(({ metadata }) => metadata?.name)).toEqual([expect.stringMatching(/^q-gent-/)]);
});

test("what was changed while no operator ran is put back, and all else is left without a request", async () => {
  for (const name of ["asleep", "awake"]) await namespace.applyAgent(name, sleeping({ replicas: 0 }));
  for (const name of ["asleep", "awake"]) await expect.poll(() => namespace.reason(name)).toBe("ScaledToZero");
  await operator.close();
  await namespace.kubectl("patch", "service", "asleep", "--type=merge", "-p", '{"spec":{"selector":{"a":"b"}}}');
  await namespace.kubectl("label", "networkpolicy", "agent-asleep", "kgents.io/genus-");
  operator = await startTestOperator(namespace.name);
  const selector = async () => (await namespace.get<KubernetesJson & { spec: object }>("Service", "asleep"))?.spec;
  await expect.poll(selector).toMatchObject({ selector: { "kgents.io/agent": "asleep", "kgents.io/genus": "B" } });
  await expect
    .poll(async () => (await namespace.get("NetworkPolicy", "agent-asleep"))?.metadata?.labels)
    .toMatchObject({ "kgents.io/genus": "B" });
  // Only that one had to be applied.
  await expect.poll(() => operator.metrics.render()).toMatch(/outcome="applied"} 1\n/);
  await expect.poll(() => operator.metrics.render()).toMatch(/kgents_operator_queue_depth 0\n/);
});

test("an Agent that is deleted takes everything with it, while the operator runs, and nothing comes back", async () => {
  await namespace.applyAgent("gone", sleeping({ replicas: 0 }));
  await expect.poll(() => namespace.reason("gone")).toBe("ScaledToZero");
  await cluster.kubectl(["-n", namespace.name, "delete", "agents.kgents.io", "gone", "--cascade=foreground"]);
  await expect.poll(() => childrenOf("gone")).toEqual([]);
  await expect.poll(() => operator.metrics.render()).toMatch(/outcome="gone"} [1-9]/);
  expect(await childrenOf("gone")).toEqual([]);
});

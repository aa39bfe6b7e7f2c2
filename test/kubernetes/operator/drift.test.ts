/** What others change in an Agent's objects is put back, and an event says who it was. */
import { afterAll, beforeAll, expect, test } from "vitest";
import type { KubernetesJson } from "#cells/kubernetes/api/kubernetes-json";
import type { resourceTypes } from "#cells/kubernetes/api/resource-types";
import { until } from "../moments.ts";
import { type AgentNamespace, createAgentNamespace, sleeping, startTestOperator } from "./scene.ts";

let namespace: AgentNamespace;
let operator: Awaited<ReturnType<typeof startTestOperator>>;
beforeAll(async () => {
  namespace = await createAgentNamespace();
  operator = await startTestOperator(namespace.name);
  await namespace.applyAgent("kept", sleeping({ replicas: 0 }));
  await until("the Agent's status", async () => (await namespace.reason("kept")) === "ScaledToZero");
});
afterAll(async () => {
  await operator.close();
  await namespace[Symbol.asyncDispose]();
});

type Kind = keyof typeof resourceTypes;

/** The milliseconds that each repair took. */
const times: number[] = [];

const cases: readonly [kind: Kind, name: string, patch: object][] = [
  ["Deployment", "kept", { spec: { replicas: 2 } }],
  ["Deployment", "kept", { metadata: { labels: { "kgents.io/genus": "X" } } }],
  ["Service", "kept", { spec: { selector: { "kgents.io/agent": "other" } } }],
  ["ConfigMap", "agent-kept", { data: { "config.json": "{}!" } }],
  ["NetworkPolicy", "agent-kept", { spec: { ingress: [{}] } }],
  ["ServiceAccount", "agent-kept", { automountServiceAccountToken: true }],
];

const contentOf = (object: KubernetesJson | undefined) => {
  const { metadata, ...rest } = (object ?? {}) as KubernetesJson & { status?: unknown };
  return { ...rest, status: undefined, labels: metadata?.labels, owners: metadata?.ownerReferences };
};

test.each(cases)("a changed %s %s is put back: %j", async (kind, name, patch) => {
  const before = await namespace.get(kind, name);
  const place = [kind.toLowerCase(), name] as const;
  const from = performance.now();
  await namespace.kubectl("patch", ...place, "--type=merge", "-p", JSON.stringify(patch), "--field-manager=mallory");
  await expect
    .poll(async () => contentOf(await namespace.get(kind, name)), { interval: 10 })
    .toEqual(contentOf(before));
  times.push(performance.now() - from);
  await expect
    .poll(() => namespace.events("kept", "DriftReverted"))
    .toContainEqual(expect.stringMatching(new RegExp(`^${kind} ${name}: mallory changed \\S+; put back$`)));
});

test.each(["Deployment", "Service", "ConfigMap", "NetworkPolicy", "ServiceAccount"] as const)(
  "a deleted %s is made again",
  async (kind) => {
    const name = kind === "Deployment" || kind === "Service" ? "kept" : "agent-kept";
    const before = await namespace.get(kind, name);
    const from = performance.now();
    await namespace.kubectl("delete", kind.toLowerCase(), name, "--wait=false");
    await expect
      .poll(async () => (await namespace.get(kind, name))?.metadata?.uid ?? before?.metadata?.uid, { interval: 10 })
      .not.toBe(before?.metadata?.uid);
    times.push(performance.now() - from);
    await expect
      .poll(() => namespace.events("kept", "DriftReverted"))
      .toContain(`${kind} ${name}: it was deleted; created again`);
  },
);

test("repairs are fast, kubectl included", () => {
  const sorted = [...times].sort((a, b) => a - b).map(Math.round);
  const [median = 0, p95 = 0] = [0.5, 0.95].map((part) => sorted[Math.ceil(sorted.length * part) - 1]);
  console.log(`drift: ${sorted.length} repairs, median ${median} ms, p95 ${p95} ms`);
  expect(sorted).toHaveLength(11);
  // A second where the machine does nothing else.
  expect(p95).toBeLessThan(10_000);
});

test("what belongs to others stays: an annotation, an injected container, a restart", async () => {
  await expect.poll(() => namespace.reason("kept")).toBe("ScaledToZero");
  const before = await namespace.events("kept", "DriftReverted");
  const injected = { name: "proxy", image: "proxy:1", command: ["true"] };
  const patch = {
    metadata: { annotations: { "example.com/team": "a" } },
    spec: { template: { spec: { containers: [injected] } } },
  };
  await namespace.kubectl("patch", "deployment", "kept", "--type=strategic", "-p", JSON.stringify(patch));
  await namespace.kubectl("rollout", "restart", "deployment/kept");
  // A change that is the operator's own shows that it has looked.
  await namespace.applyAgent("kept", sleeping({ replicas: 0, description: "looked at again", port: 9000 }));
  await expect.poll(async () => JSON.stringify(await namespace.get("Service", "kept"))).toContain("9000");
  await expect.poll(async () => JSON.stringify(await namespace.get("Deployment", "kept"))).toContain("9000");
  expect(await namespace.get("Deployment", "kept")).toMatchObject({
    metadata: { annotations: { "example.com/team": "a" } },
    spec: {
      template: {
        metadata: { annotations: { "kubectl.kubernetes.io/restartedAt": expect.any(String) } },
        spec: { containers: expect.arrayContaining([expect.objectContaining({ name: "proxy" })]) },
      },
    },
  });
  expect((await namespace.events("kept", "DriftReverted")).toSorted()).toEqual(before.toSorted());
});

test("a fight with another manager: an event says so, and the object is left alone", async () => {
  await namespace.applyAgent("fought", sleeping({ replicas: 0 }));
  await expect.poll(() => namespace.reason("fought")).toBe("ScaledToZero");
  const replicas = async () =>
    (await namespace.get<KubernetesJson & { spec: { replicas: number } }>("Deployment", "fought"))?.spec.replicas;
  const scale = (to: number) =>
    namespace.kubectl(
      "patch",
      "deployment",
      "fought",
      "-p",
      `{"spec":{"replicas":${to}}}`,
      "--field-manager=autoscaler",
    );
  for (let round = 1; round <= 5; round += 1) {
    await scale(round);
    await expect.poll(replicas, { interval: 20 }).toBe(0);
  }
  await expect
    .poll(() => namespace.events("fought", "DriftFight"))
    .toEqual(["Deployment fought: autoscaler changed .spec.replicas again and again; it is left alone for a while"]);
  await scale(1);
  await expect.poll(() => operator.metrics.render()).toMatch(/kgents_operator_queue_depth 0\n/);
  expect(await replicas()).toBe(1);
  // After the hold it is put back.
  await expect.poll(replicas, { timeout: 20_000 }).toBe(0);
});

/** Every reason why an Agent is not accepted, or not ready, is provoked; and what ends it. */
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Objects } from "#cells/kubernetes/api/objects";
import { parseAgent } from "#core/agents/agent";
import { renderChildren } from "#core/agents/children";
import { networkIsolationAnnotation } from "#core/manifest/cluster-names";
import { applyChild } from "#operator/reconcile/apply-child";
import { createMemory } from "#operator/reconcile/memory";
import { isLong } from "../../support/long.ts";
import { cellNamespace } from "../support.ts";
import { type AgentNamespace, createAgentNamespace, sleeping, startTestOperator } from "./scene.ts";

let namespace: AgentNamespace;
let operator: Awaited<ReturnType<typeof startTestOperator>>;
beforeAll(async () => {
  namespace = await createAgentNamespace();
  operator = await startTestOperator(namespace.name);
});
afterAll(async () => {
  await operator.close();
  await namespace[Symbol.asyncDispose]();
});

const conditionOf = async (name: string, type: "Ready" | "Accepted") =>
  (await namespace.agent(name))?.status?.conditions?.find((condition) => condition.type === type);

const patient = { timeout: 90_000 };

test("a name that is taken: nothing is adopted, and nothing is changed; freed, it is accepted", async () => {
  const foreign = { apiVersion: "v1", kind: "Service", metadata: { name: "taken" }, spec: { ports: [{ port: 1 }] } };
  const { object } = await namespace.objects.create(foreign, { fieldManager: "somebody" });
  await namespace.applyAgent("taken", sleeping({ replicas: 0 }));
  await expect.poll(() => namespace.reason("taken", "Accepted")).toBe("NameConflict");
  expect(await namespace.reason("taken")).toBe("NotAccepted");
  expect((await conditionOf("taken", "Accepted"))?.message).toContain("Service taken");
  expect(await namespace.get("Deployment", "taken")).toBeUndefined();
  expect(await namespace.get("Service", "taken")).toEqual({ ...object, kind: "Service", apiVersion: "v1" });
  await namespace.kubectl("delete", "service", "taken");
  await expect.poll(() => namespace.reason("taken"), patient).toBe("ScaledToZero");
});

test("a foreign object with our label, and one of an Agent that is gone", async () => {
  const labels = { "kgents.io/agent": "labelled" };
  const foreign = {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name: "agent-labelled", labels },
    data: { a: "1" },
  };
  await namespace.objects.create(foreign, { fieldManager: "somebody" });
  await namespace.applyAgent("labelled", sleeping({ replicas: 0 }));
  await expect.poll(() => namespace.reason("labelled", "Accepted")).toBe("NameConflict");
  expect(await namespace.get("ConfigMap", "agent-labelled")).toMatchObject({ data: { a: "1" } });
});

test("an object that somebody creates while the operator looks is not merged into", async () => {
  const agent = parseAgent(await namespace.applyAgent("raced", sleeping({ replicas: 0, genus: "L" }))).agent;
  const desired = agent && renderChildren(agent).find(({ kind }) => kind === "ConfigMap");
  if (agent === undefined || desired === undefined) throw new Error("the Agent is not valid");
  await expect.poll(() => namespace.reason("raced")).toBe("ScaledToZero");
  // The same object under another name, which the operator does not know.
  const raced = { ...desired, metadata: { ...desired.metadata, name: "raced-config" } };
  const foreign = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "raced-config" }, data: { a: "1" } };
  const objects: Objects = {
    ...namespace.objects,
    get: async (type, place) => {
      const found = await namespace.objects.get<never>(type, place);
      await namespace.objects.create(foreign, { fieldManager: "somebody" });
      return found;
    },
  };
  const { name, uid = "" } = agent.metadata;
  const memory = createMemory().of("raced", uid);
  const { signal } = new AbortController();
  const apply = (through: Objects) =>
    applyChild({ objects: through, memory, agent: { name, uid }, seen: undefined, signal }, raced);
  await expect(apply(objects)).rejects.toMatchObject({ status: 409 });
  const kept = await namespace.get("ConfigMap", "raced-config");
  expect(kept).toMatchObject({ data: { a: "1" } });
  expect(kept?.metadata).not.toHaveProperty("ownerReferences");
  expect(await apply(namespace.objects)).toEqual({ kind: "conflict" });
});

test("an isolation that is not proved", async () => {
  const annotate = (value: string) =>
    namespace.kubectl("annotate", "--overwrite", "namespace", namespace.name, `${networkIsolationAnnotation}=${value}`);
  await using other = await cellNamespace(null);
  await using theirs = await startTestOperator(other.name);
  const agent = {
    apiVersion: "kgents.io/v1",
    kind: "Agent",
    metadata: { name: "open" },
    spec: sleeping({ replicas: 0 }),
  };
  await other.apply(agent);
  const reason = () =>
    other.kubectl(
      "get",
      "agents.kgents.io",
      "open",
      "-o",
      'jsonpath={.status.conditions[?(@.type=="Accepted")].reason}',
    );
  await expect.poll(reason).toBe("NetworkNotIsolated");
  expect(await other.kubectl("get", "deployments", "-o", "name")).toBe("");
  expect(theirs.unready()).toBeUndefined();
  await theirs.close();
  // With best-effort it runs there.
  await using lenient = await startTestOperator(other.name, { networkIsolation: "best-effort" });
  await expect.poll(reason, patient).toBe("Accepted");
  expect(lenient.isLeader()).toBe(true);
  await annotate("enforced");
});

test("what the API server cannot check in a config: the earlier generation stays", async () => {
  await namespace.applyAgent("config", sleeping({ replicas: 0, config: { level: 1 } }));
  await expect.poll(() => namespace.reason("config")).toBe("ScaledToZero");
  const before = await namespace.get("ConfigMap", "agent-config");
  // Two names of one variable.
  await namespace.applyAgent("config", sleeping({ replicas: 0, config: { "a-b": 1, a_b: 2 } }));
  await expect.poll(() => namespace.reason("config", "Accepted")).toBe("InvalidConfig");
  expect((await conditionOf("config", "Accepted"))?.message).toContain("spec.config");
  expect(await namespace.get("ConfigMap", "agent-config")).toEqual(before);
  await namespace.applyAgent("config", sleeping({ replicas: 0, config: { level: 2 } }));
  await expect.poll(() => namespace.reason("config")).toBe("ScaledToZero");
});

test.each([
  ["ConfigError", "secretless", { env: [{ name: "TOKEN", secretKeyRef: { name: "missing", key: "x" } }] }],
  ["Unschedulable", "huge", { resources: { cpu: "200", memory: "64Mi", requests: { cpu: "200", memory: "16Mi" } } }],
  ["CrashLoop", "crashing", { command: ["sh", "-c", "echo no such luck >&2; exit 3"] }],
] as const)("%s", async (reason, name, spec) => {
  await namespace.applyAgent(name, sleeping(spec as Parameters<typeof sleeping>[0]));
  await expect.poll(() => namespace.reason(name), patient).toBe(reason);
  await expect.poll(() => namespace.events(name, reason)).not.toEqual([]);
  await namespace.kubectl("delete", "agents.kgents.io", name);
});

test("a quota and an admission: the reason is there without a pod", async () => {
  const quota = { apiVersion: "v1", kind: "ResourceQuota", metadata: { name: "none" }, spec: { hard: { pods: "0" } } };
  await namespace.objects.create(quota, { fieldManager: "test" });
  await namespace.applyAgent("poor", sleeping());
  await expect.poll(() => namespace.reason("poor"), patient).toBe("QuotaExceeded");
  await namespace.kubectl("delete", "resourcequota", "none");
  await namespace.applyAgent("unclassed", sleeping({ runtimeClassName: "nowhere" }));
  await expect.poll(() => namespace.reason("unclassed"), patient).toBe("AdmissionDenied");
});

// The deadline of a rollout is 120 s.
if (isLong) {
  test("ProgressDeadlineExceeded: nothing says why no pod becomes ready", { timeout: 300_000 }, async () => {
    await namespace.applyAgent("slow", sleeping({ probe: { path: "/ready" } }));
    await expect.poll(() => namespace.reason("slow"), { timeout: 200_000 }).toBe("ProgressDeadlineExceeded");
  });
}

test("a placeholder says that it is one", async () => {
  await namespace.applyAgent("later", { genus: "B", placeholder: true, terminationGracePeriodSeconds: 0 });
  await expect.poll(() => namespace.reason("later"), patient).toBe("Placeholder");
  expect((await namespace.agent("later"))?.status?.phase).toBe("Placeholder");
});

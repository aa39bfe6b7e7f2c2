/** The operator sees again after each way in which a watch can fail, and what it must not conclude from a cache. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { isLong } from "../../support/long.ts";
import { type ApiProxy, apiProxy } from "../api-proxy.ts";
import { until } from "../moments.ts";
import { type AgentNamespace, createAgentNamespace, sleeping, startTestOperator } from "./scene.ts";

let directory: string;
let namespace: AgentNamespace;
let proxy: ApiProxy;
let operator: Awaited<ReturnType<typeof startTestOperator>>;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "kgents-seeing-"));
  namespace = await createAgentNamespace();
  proxy = await apiProxy(join(directory, "kubeconfig"));
  operator = await startTestOperator(namespace.name, { kubeconfig: proxy.kubeconfig });
  await until("the leader", async () => operator.isLeader());
});
afterAll(async () => {
  await operator.close();
  await proxy[Symbol.asyncDispose]();
  await namespace[Symbol.asyncDispose]();
  await rm(directory, { recursive: true, force: true });
});

const patient = { timeout: 60_000 };

test("an Agent deleted and created under one name while nothing is seen is another Agent", async () => {
  await namespace.applyAgent("twice", sleeping({ replicas: 0 }));
  await expect.poll(() => namespace.reason("twice")).toBe("ScaledToZero");
  const before = (await namespace.agent("twice"))?.metadata?.uid;
  proxy.freezeWatches();
  await namespace.kubectl("delete", "agents.kgents.io", "twice");
  const after = (await namespace.applyAgent("twice", sleeping({ replicas: 0, genus: "L" }))).metadata?.uid;
  expect(after).not.toBe(before);
  await expect.poll(() => namespace.reason("twice"), patient).toBe("ScaledToZero");
  for (const [kind, name] of [
    ["Deployment", "twice"],
    ["Service", "twice"],
    ["ConfigMap", "agent-twice"],
    ["NetworkPolicy", "agent-twice"],
    ["ServiceAccount", "agent-twice"],
  ] as const) {
    await expect.poll(async () => (await namespace.get(kind, name))?.metadata?.ownerReferences?.[0]?.uid).toBe(after);
    expect((await namespace.get(kind, name))?.metadata?.labels?.["kgents.io/genus"]).toBe("L");
  }
});

test("watches that are dead without a word are replaced within 35 s, and closed ones at once", async () => {
  proxy.freezeWatches();
  const from = performance.now();
  await namespace.applyAgent("silent", sleeping({ replicas: 0 }));
  await expect.poll(() => namespace.reason("silent"), patient).toBe("ScaledToZero");
  console.log(`seeing: again ${Math.round(performance.now() - from)} ms after a silent connection`);
  proxy.endWatches();
  await namespace.applyAgent("closed", sleeping({ replicas: 0 }));
  await expect.poll(() => namespace.reason("closed"), patient).toBe("ScaledToZero");
  expect(operator.unready()).toBeUndefined();
});

test("an API server that is away: not ready, the Lease is lost, and afterwards all goes on", async () => {
  await namespace.applyAgent("outlived", sleeping({ replicas: 0 }));
  await expect.poll(() => namespace.reason("outlived"), patient).toBe("ScaledToZero");
  const comeBack = await proxy.goAway();
  await expect.poll(operator.unready).toMatch(/^cannot be watched: /);
  await namespace.applyAgent("outlived", sleeping({ replicas: 0, port: 9999 }));
  await expect.poll(operator.isLeader, patient).toBe(false);
  await comeBack();
  const from = performance.now();
  await expect.poll(async () => JSON.stringify(await namespace.get("Service", "outlived")), patient).toContain("9999");
  console.log(`seeing: again ${Math.round(performance.now() - from)} ms after the API server came back`);
  await expect.poll(operator.unready, patient).toBeUndefined();
  expect(operator.isLeader()).toBe(true);
});

const [idle, seconds] = isLong ? [100, 600] : [10, 30];

test(`with nothing to do, it writes nothing but its Lease for ${seconds} s, and reads nothing but a verdict`, {
  timeout: 1_800_000,
}, async () => {
  for (let index = 0; index < idle; index += 1) await namespace.applyAgent(`idle-${index}`, sleeping({ replicas: 0 }));
  for (let index = 0; index < idle; index += 1) {
    await expect.poll(() => namespace.reason(`idle-${index}`)).toBe("ScaledToZero");
  }
  const watched = ["agents", "configmaps", "deployments", "networkpolicies", "pods", "serviceaccounts", "services"];
  // It looks at each Agent every ten minutes, and then at whether the namespace isolates pods.
  const verdict = `GET /api/v1/namespaces/${namespace.name}`;
  // A watch that the server ends may be followed by a list.
  const usual = ["update leases", verdict, ...watched.flatMap((name) => [`watch ${name}`, `list ${name}`])];
  const others = () => Object.entries(proxy.counts()).filter(([kind]) => !usual.includes(kind));
  const verdicts = () => proxy.counts()[verdict] ?? 0;
  let quietSince = performance.now();
  let before = JSON.stringify(others());
  let verdictsBefore = verdicts();
  await until(
    `${seconds} s without a request`,
    async () => {
      const now = JSON.stringify(others());
      if (now !== before) {
        console.log(`idle: ${now}`);
        quietSince = performance.now();
        verdictsBefore = verdicts();
      }
      before = now;
      return performance.now() - quietSince > seconds * 1000;
    },
    500,
    1_200_000,
  );
  // A verdict is used for 15 s.
  expect(verdicts() - verdictsBefore).toBeLessThanOrEqual(seconds / 15 + 1);
  const leases = proxy.counts()["update leases"];
  await expect.poll(() => proxy.counts()["update leases"]).toBeGreaterThan(leases ?? 0);
});

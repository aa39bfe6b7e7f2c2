/** An operator that is killed at any moment, and the end of Agents without one: nothing is orphaned. */
import { setTimeout as wait } from "node:timers/promises";
import { expect, test } from "vitest";
import { createCommandLine } from "../../support/command-line.ts";
import { isLong } from "../../support/long.ts";
import { until } from "../moments.ts";
import { startOperatorProcess } from "./operator-process.ts";
import { createAgentNamespace, sleeping, startTestOperator } from "./scene.ts";

const [kills, agents] = isLong ? [50, 100] : [4, 15];

test(`${kills} times SIGKILL over ${agents} Agents that change, come and go`, {
  timeout: isLong ? 3_600_000 : 240_000,
}, async () => {
  await using commands = await createCommandLine();
  await using namespace = await createAgentNamespace();
  const ports = new Map<string, number>();
  const changing = new AbortController();
  const change = async (): Promise<void> => {
    while (!changing.signal.aborted) {
      const name = `c-${Math.floor(Math.random() * agents)}`;
      if (ports.has(name) && Math.random() < 0.2) {
        ports.delete(name);
        await namespace.kubectl("delete", "agents.kgents.io", name, "--wait=false");
      } else {
        const port = 2000 + Math.floor(Math.random() * 60_000);
        ports.set(name, port);
        await namespace.applyAgent(name, sleeping({ replicas: 0, port }));
      }
      await wait(Math.random() * 200);
    }
  };
  const changes = change();
  for (let kill = 0; kill < kills; kill += 1) {
    await using operator = await startOperatorProcess(commands, namespace.name);
    await operator.untilLeads();
    await wait(Math.random() * 2000);
    operator.signal("SIGKILL");
    await operator.ended;
  }
  changing.abort();
  await changes;
  await using operator = await startTestOperator(namespace.name);
  const expected = [...ports]
    .flatMap(([name]) => [
      `configmap/agent-${name}`,
      `deployment.apps/${name}`,
      `networkpolicy.networking.k8s.io/agent-${name}`,
      `service/${name}`,
      `serviceaccount/agent-${name}`,
    ])
    .sort();
  await until("all objects", async () => JSON.stringify(await namespace.children()) === JSON.stringify(expected), 500);
  for (const [name, port] of ports) {
    await expect.poll(() => namespace.reason(name), { timeout: 60_000 }).toBe("ScaledToZero");
    expect(await namespace.get("Service", name)).toMatchObject({ spec: { ports: [{ port }] } });
    expect(await namespace.get("Deployment", name)).toMatchObject({
      spec: { template: { spec: { containers: [{ ports: [{ containerPort: port }] }] } } },
    });
  }
  expect(operator.isLeader()).toBe(true);
});

test("without an operator, an Agent and a namespace go with all that is theirs; a foreign object stays", async () => {
  await using namespace = await createAgentNamespace();
  const operator = await startTestOperator(namespace.name);
  await namespace.objects.create(
    { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "agent-other" }, data: { a: "1" } } as object,
    { fieldManager: "somebody" },
  );
  for (const name of ["alone", "kept"]) await namespace.applyAgent(name, sleeping());
  await namespace.applyAgent("other", sleeping({ replicas: 0 }));
  await expect.poll(() => namespace.reason("other", "Accepted"), { timeout: 60_000 }).toBe("NameConflict");
  for (const name of ["alone", "kept"]) {
    await expect.poll(() => namespace.reason(name), { timeout: 90_000 }).toBe("Available");
  }
  await operator.close();
  const from = performance.now();
  await namespace.kubectl("delete", "agents.kgents.io", "alone", "other");
  await expect
    .poll(async () => (await namespace.children()).filter((child) => child.includes("alone")), { timeout: 60_000 })
    .toEqual([]);
  const pods = () => namespace.kubectl("get", "pods", "-l", "kgents.io/agent=alone", "-o", "name");
  await expect.poll(pods, { timeout: 60_000 }).toBe("");
  expect(await namespace.get("ConfigMap", "agent-other")).toMatchObject({ data: { a: "1" } });
  await namespace.kubectl("delete", "namespace", namespace.name, "--timeout=60s");
  console.log(`deletion: Agent and namespace in ${Math.round(performance.now() - from)} ms`);
});

/** An Agent's life: its objects, their hardening, its scale, its changes. */
import { afterAll, beforeAll, expect, test } from "vitest";
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

test("an Agent gets its five objects, which belong to it", async () => {
  const { metadata } = await namespace.applyAgent("five", sleeping({ replicas: 0 }));
  await expect.poll(() => namespace.reason("five")).toBe("ScaledToZero");
  const names = ["five", "agent-five"];
  const all = await namespace.children();
  expect(all.filter((child) => names.includes(child.split("/")[1] ?? ""))).toEqual([
    "configmap/agent-five",
    "deployment.apps/five",
    "networkpolicy.networking.k8s.io/agent-five",
    "service/five",
    "serviceaccount/agent-five",
  ]);
  const deployment = await namespace.get("Deployment", "five");
  expect(deployment?.metadata?.ownerReferences).toEqual([
    {
      apiVersion: "kgents.io/v1",
      kind: "Agent",
      name: "five",
      uid: metadata?.uid,
      controller: true,
      blockOwnerDeletion: true,
    },
  ]);
});

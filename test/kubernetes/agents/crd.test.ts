/** The definition of Agents on a real API server: it judges objects as zod does, and names the same field. */
import { afterAll, beforeAll, describe, expect, it, test } from "vitest";
import { type ClusterClient, createClusterClient } from "#cells/kubernetes/api/cluster-client";
import { ClusterError } from "#cells/kubernetes/api/cluster-error";
import { sendObject } from "#cells/kubernetes/api/send-object";
import { parseAgent } from "#core/agents/agent";
import { agentCrd } from "#core/agents/crd";
import { agentOf, badAgents, goodAgents } from "../../support/agents.ts";
import { type CellNamespace, cellNamespace, cluster, kubectl } from "../support.ts";
import { freshGroup, objectOf, removeCrd, underGroup } from "./own-crd.ts";

const group = freshGroup();
const crd = underGroup(agentCrd(), group);
let namespace: CellNamespace;
let client: ClusterClient;

beforeAll(async () => {
  namespace = await cellNamespace();
  client = await createClusterClient({ kubeconfig: cluster.kubeconfig, namespace: namespace.name });
  await kubectl(["apply", "--server-side", "-f", "-"], JSON.stringify(crd));
  await kubectl(["wait", "--for=condition=Established", `crd/${crd.metadata.name}`, "--timeout=30s"]);
});
afterAll(async () => {
  await removeCrd(crd.metadata.name);
  await namespace[Symbol.asyncDispose]();
});

const path = () => `/apis/${group}/v1/namespaces/${namespace.name}/agents`;

/** The object as the server would store it. */
async function judged(object: object): Promise<{ spec: object }> {
  const query = { dryRun: "All", fieldValidation: "Strict" };
  const body = objectOf(object, group);
  const { body: answer } = await client.request("creating", (_apis, options) =>
    sendObject<{ spec: object }>(client, { method: "POST", path: path(), query, body }, options),
  );
  return answer;
}

/** Said beside other fields: that some rules were not checked, and that the scale subresource finds no number. */
const besides = ["<nil>", ".spec.replicas"];

/** The fields that the server refuses. */
async function refusedFields(object: object): Promise<string[]> {
  try {
    await judged(object);
    return [];
  } catch (error) {
    if (!(error instanceof ClusterError)) throw error;
    const unknown = [...error.message.matchAll(/unknown field "([^"]+)"/g)].map(([, field]) => field ?? "");
    const fields = new Set([...error.causes.map(({ field }) => field), ...unknown]);
    return [...fields].filter((field) => !besides.includes(field)).sort();
  }
}

test("the definition is established, and its schema is structural", async () => {
  const { status } = JSON.parse(await kubectl(["get", "crd", crd.metadata.name, "-o", "json"]));
  const conditions = Object.fromEntries(
    status.conditions.map((condition: { type: string; status: string }) => [condition.type, condition.status]),
  );
  expect(conditions).toEqual({ NamesAccepted: "True", Established: "True" });
});

describe("zod and the API server judge alike", () => {
  it.each(goodAgents)("accepted: %s", async (_, object) => {
    const { agent } = parseAgent(object);
    expect((await judged(object)).spec).toEqual(agent?.spec);
  });

  it.each(badAgents)("refused: %s", async (_, object, field) => {
    expect(await refusedFields(object)).toEqual([field]);
  });

  it("all mistakes of one object", async () => {
    const object = agentOf({ replicas: 11, genus: "b", port: 1, command: ["x"], state: { size: "1" } });
    const fields = parseAgent(object).issues?.map((issue) => issue.field);
    expect(await refusedFields(object)).toEqual(fields?.sort());
  });
});

test("what kubectl shows and does: columns, scale, short name, category, field selector; genus is immutable", async () => {
  const object = objectOf(agentOf(), group);
  await kubectl(["-n", namespace.name, "create", "-f", "-"], JSON.stringify(object));
  const at = (...args: string[]) => cluster.kubectl(["-n", namespace.name, ...args]);
  const agents = `ag.${group}`;
  expect((await at("scale", agents, "b-gent", "--replicas=3")).code).toBe(0);
  const status = { phase: "Running", readyReplicas: 3, conditions: [readyCondition] };
  await at("patch", agents, "b-gent", "--subresource=status", "--type=merge", "-p", JSON.stringify({ status }));
  const { stdout } = await at("get", agents, "--field-selector", "spec.genus=B");
  expect(stdout.replace(/ +/g, " ").split("\n").slice(0, 2)).toEqual([
    "NAME GENUS READY REPLICAS PHASE REASON AGE",
    expect.stringMatching(/^b-gent B 3 3 Running Available \d+s$/),
  ]);
  expect((await at("get", agents, "--field-selector", "spec.genus=L")).stdout).toBe("");
  expect((await at("get", "kgents", "-o", "name")).stdout).toContain(`agent.${group}/b-gent`);
  const changed = await at("patch", agents, "b-gent", "--type=merge", "-p", '{"spec":{"genus":"L"}}');
  expect(changed.stderr).toMatch(/spec\.genus: Invalid value: .*genus is immutable: delete the Agent/);
});

const readyCondition = {
  type: "Ready",
  status: "True",
  reason: "Available",
  message: "",
  lastTransitionTime: "2026-11-28T00:00:00Z",
};

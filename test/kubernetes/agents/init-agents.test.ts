/** The Agents' namespace: `kgents infra init --agents` and `destroy --agents`, by the built command line. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { type ClusterClient, createClusterClient } from "#cells/kubernetes/api/cluster-client";
import { createObjects } from "#cells/kubernetes/api/objects";
import { planCrd } from "#client/agents/crd/plan-crd";
import { removeCrdIfUnused } from "#client/agents/crd/remove-crd";
import { upgradeCrd } from "#client/agents/crd/upgrade-crd";
import { agentCrd } from "#core/agents/crd";
import { isolationCheck } from "#operator/see/isolation";
import { agentOf } from "../../support/agents.ts";
import type { CommandLine, Ended } from "../../support/command-line.ts";
import { cluster, createTerminal, freshName, kubectl, namesOf, removeNamespaces } from "../infra-support.ts";
import { freshGroup, objectOf, removeCrd, underGroup } from "./own-crd.ts";

let terminal: CommandLine;
let client: ClusterClient;
// An Agent elsewhere keeps the definition, which other tests use meanwhile.
const [namespace, elsewhere] = [freshName(), freshName()];
beforeAll(async () => {
  terminal = await createTerminal();
  client = await createClusterClient({ kubeconfig: cluster.kubeconfig, namespace });
  await kubectl(["create", "namespace", elsewhere]);
});
afterAll(async () => {
  await removeNamespaces([namespace, elsewhere]);
  await terminal[Symbol.asyncDispose]();
});

const infra = (command: string, ...more: string[]): Promise<Ended> =>
  terminal.run(["infra", command, "--agents", "--namespace", namespace, ...more]);

const objectsOf = (ended: Ended) => {
  expect(ended.code, ended.stderr).toBe(0);
  const { objects, networkIsolation } = JSON.parse(ended.stdout) as {
    objects: { kind: string; name: string; action: string }[];
    networkIsolation: { isolation: string };
  };
  return { networkIsolation, objects: objects.filter(({ kind }) => kind !== "CustomResourceDefinition") };
};

test("init makes the definition, and a namespace in which an operator accepts Agents", async () => {
  const isolation = () => isolationCheck(createObjects(client), "required")(namespace);
  expect(await isolation()).toMatchObject({ reason: "NetworkNotIsolated" });
  const made = objectsOf(await infra("init", "--yes", "--json"));
  expect(made.networkIsolation).toMatchObject({ isolation: "enforced" });
  expect(made.objects.map(({ kind, name, action }) => `${action} ${kind} ${name}`)).toEqual([
    `create Namespace ${namespace}`,
    "create NetworkPolicy kgents-deny-all",
    "create ResourceQuota kgents-limits",
    "create LimitRange kgents-limits",
    "create ServiceAccount default",
    "create ServiceAccount kgents-operator",
    "create Role kgents-operator",
    "create RoleBinding kgents-operator",
  ]);
  expect(await isolation()).toMatchObject({ reason: "Accepted" });
  expect((await cluster.kubectl(["get", "crd", "agents.kgents.io"])).code).toBe(0);
  const again = objectsOf(await infra("init", "--yes", "--json"));
  expect(new Set(again.objects.map(({ action }) => action))).toEqual(new Set(["unchanged"]));
  // The canary has left nothing.
  expect(await namesOf(namespace, "pods")).toEqual([]);
});

test("the namespace refuses a pod that is not restricted", async () => {
  const { code, stderr } = await cluster.kubectl([
    ...["-n", namespace, "run", "open", "--image=busybox:1.37", "--dry-run=server"],
  ]);
  expect(code).not.toBe(0);
  expect(stderr).toContain('violates PodSecurity "restricted');
});

test("the cells' namespace is refused", async () => {
  const { code, stderr } = await terminal.run([
    ...["infra", "init", "--agents", "--yes", "--namespace", "kgents-ephemeral"],
  ]);
  expect(code).toBe(2);
  expect(stderr).toContain("--namespace: kgents-ephemeral is the namespace of cells");
});

test("destroy removes the namespace with its Agents; the definition stays while others have some", async () => {
  for (const place of [namespace, elsewhere]) {
    await kubectl(["create", "-f", "-"], agentOf({ replicas: 0 }, { namespace: place }));
  }
  const { code, stderr } = await infra("destroy", "--yes");
  expect(code, stderr).toBe(0);
  expect(stderr).toContain(`removes the namespace ${namespace} and everything in it: 1 Agent`);
  expect(stderr).toMatch(/the definition of Agents stays: other namespaces have \d+/);
  expect((await cluster.kubectl(["get", "namespace", namespace])).code).toBe(1);
  expect((await cluster.kubectl(["get", "crd", "agents.kgents.io"])).code).toBe(0);
});

test("a definition goes when nobody has objects of it, and only then", async () => {
  const group = freshGroup();
  const wanted = underGroup(agentCrd(), group);
  const { name } = wanted.metadata;
  try {
    const context = { progress: () => {}, signal: new AbortController().signal };
    await upgradeCrd(client, wanted, await planCrd(client, wanted, false), context);
    const object = objectOf(agentOf({}, { namespace: elsewhere }), group);
    await kubectl(["create", "-f", "-"], object);
    expect(await removeCrdIfUnused(client, wanted)).toBe(1);
    await kubectl(["delete", "-f", "-"], object);
    expect(await removeCrdIfUnused(client, wanted)).toBe(0);
    await expect.poll(() => removeCrdIfUnused(client, wanted)).toBeUndefined();
  } finally {
    await removeCrd(name);
  }
});

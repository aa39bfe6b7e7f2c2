/** Installs, upgrades and migrates the definition of Agents on a real API server, under groups of their own. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type ClusterClient, createClusterClient } from "#cells/kubernetes/api/cluster-client";
import { planCrd } from "#client/agents/crd/plan-crd";
import { upgradeCrd } from "#client/agents/crd/upgrade-crd";
import { agentCrd, type Crd } from "#core/agents/crd";
import { agentOf } from "../../support/agents.ts";
import { type CellNamespace, cellNamespace, cluster, kubectl } from "../support.ts";
import { freshGroup, objectOf, removeCrd, underGroup } from "./own-crd.ts";

let namespace: CellNamespace;
let client: ClusterClient;
const groups: string[] = [];
beforeAll(async () => {
  namespace = await cellNamespace();
  client = await createClusterClient({ kubeconfig: cluster.kubeconfig, namespace: namespace.name });
});
afterAll(async () => {
  for (const group of groups) await removeCrd(`agents.${group}`);
  await namespace[Symbol.asyncDispose]();
});

let group: string;
let wanted: Crd;
beforeEach(() => {
  group = freshGroup();
  groups.push(group);
  wanted = underGroup(agentCrd(), group);
});

const context = { progress: () => {}, signal: new AbortController().signal };
const upgrade = async (consent = false) => {
  const plan = await planCrd(client, wanted, consent);
  await upgradeCrd(client, wanted, plan, context);
  return plan;
};
const refusal = (consent = false): Promise<Error> =>
  planCrd(client, wanted, consent).then(
    () => expect.unreachable("it was not refused"),
    (error) => error,
  );

/** A definition as others have it: one version, and a schema that knows no bounds. */
const looseCrd = (version: string, properties: object = {}): object => ({
  ...wanted,
  spec: {
    ...wanted.spec,
    versions: [
      {
        name: version,
        served: true,
        storage: true,
        subresources: { status: {} },
        schema: {
          openAPIV3Schema: {
            type: "object",
            properties: {
              spec: {
                type: "object",
                properties: {
                  genus: { type: "string" },
                  image: { type: "string" },
                  entrypoint: { type: "string" },
                  replicas: { type: "integer", default: 1 },
                  resources: { type: "object", properties: { cpu: { type: "string" }, memory: { type: "string" } } },
                  ...properties,
                },
              },
              status: { type: "object", "x-kubernetes-preserve-unknown-fields": true },
            },
          },
        },
      },
    ],
  },
});

async function install(definition: object): Promise<void> {
  await kubectl(["apply", "--server-side", "-f", "-"], JSON.stringify(definition));
  await kubectl(["wait", "--for=condition=Established", `crd/agents.${group}`, "--timeout=30s"]);
}

const objectIn = (version: string, name: string, spec: object = {}) => ({
  ...agentOf(spec, { name, namespace: namespace.name }),
  apiVersion: `${group}/${version}`,
});

const apply = (objects: readonly object[], manager: string) =>
  kubectl(
    ["apply", "--server-side", "--field-manager", manager, "-f", "-"],
    JSON.stringify({ apiVersion: "v1", kind: "List", items: objects }),
  );

const crdNow = async () => JSON.parse(await kubectl(["get", "crd", `agents.${group}`, "-o", "json"]));
const objectsNow = async () =>
  JSON.parse(await kubectl(["-n", namespace.name, "get", `agents.${group}`, "-o", "json", "--show-managed-fields"]))
    .items as { metadata: { managedFields: { apiVersion: string }[] }; spec: object }[];

test("installs; a second time nothing is to be done", async () => {
  expect(await upgrade()).toMatchObject({ action: "install", objects: 0 });
  expect(await upgrade()).toMatchObject({ action: "unchanged" });
  await apply([objectOf({ ...agentOf({}, { namespace: namespace.name }) }, group)], "x");
  expect(await upgrade()).toMatchObject({ action: "unchanged", objects: 1 });
});

describe("the original's definition", () => {
  test("becomes ours, with its objects in place", async () => {
    await install(looseCrd("v1"));
    await apply([objectIn("v1", "b-gent", { resources: { cpu: "100m", memory: "256Mi" } })], "theirs");
    expect(await upgrade()).toMatchObject({ action: "upgrade", objects: 1, losses: [] });
    const [object] = await objectsNow();
    expect(object?.spec).toMatchObject({ genus: "B", resources: { cpu: "100m" }, port: 8080, placeholder: false });
    expect((await crdNow()).spec.versions[0].schema.openAPIV3Schema.properties.spec.properties.genus).toMatchObject({
      pattern: "^[A-Z][A-Za-z]{0,15}$",
    });
  });

  test("is left as it is where an object breaks our rules, whatever is consented to", async () => {
    await install(looseCrd("v1"));
    await apply([objectIn("v1", "good"), objectIn("v1", "b-gent", { genus: "not a genus", replicas: 11 })], "theirs");
    const before = await crdNow();
    for (const consent of [false, true]) {
      expect((await refusal(consent)).message).toMatch(
        /stored objects break .*\n +\S+\/b-gent: spec\.genus: got "not a genus".*\n +\S+\/b-gent: spec\.replicas: got 11/,
      );
    }
    expect((await crdNow()).metadata.generation).toBe(before.metadata.generation);
  });

  test("is replaced only with consent where fields would be lost", async () => {
    await install(looseCrd("v1", { health: { type: "string" }, deployMode: { type: "string" } }));
    await apply([objectIn("v1", "b-gent", { health: "/healthz" }), objectIn("v1", "c-gent")], "theirs");
    expect((await refusal()).message).toMatch(/no place for fields.*\n +\S+\/b-gent: spec\.health$/);
    expect(await upgrade(true)).toMatchObject({ action: "upgrade", losses: [{ lost: ["spec.health"] }] });
    expect((await objectsNow()).map(({ spec }) => "health" in spec)).toEqual([false, false]);
  });
});

test("objects of another version are rewritten, and their managers can go on", async () => {
  await install(looseCrd("v1alpha1"));
  const names = Array.from({ length: 100 }, (_, index) => `agent-${index}`);
  await apply(
    names.map((name) => objectIn("v1alpha1", name, { image: "a:1" })),
    "theirs",
  );
  expect(await upgrade()).toMatchObject({ action: "migrate", objects: 100, from: ["v1alpha1"] });
  const { spec, status } = await crdNow();
  expect(spec.versions.map((version: { name: string }) => version.name)).toEqual(["v1"]);
  expect(status.storedVersions).toEqual(["v1"]);
  const objects = await objectsNow();
  expect(objects).toHaveLength(100);
  const managed = objects.flatMap(({ metadata }) => metadata.managedFields.map(({ apiVersion }) => apiVersion));
  expect(new Set(managed)).toEqual(new Set([`${group}/v1`]));
  // The old manager changes a field of its own, and takes another one away.
  await apply([objectIn("v1", "agent-7", { replicas: 3 })], "theirs");
  const changed = JSON.parse(
    await kubectl(["-n", namespace.name, "get", `agents.${group}`, "agent-7", "-o", "json"]),
  ).spec;
  expect(changed).toMatchObject({ replicas: 3 });
  expect(changed).not.toHaveProperty("image");
  expect(await upgrade()).toMatchObject({ action: "unchanged", objects: 100 });
});

test("a migration that was interrupted is finished by the next one", async () => {
  await install(looseCrd("v1alpha1"));
  await apply([objectIn("v1alpha1", "a"), objectIn("v1alpha1", "b")], "theirs");
  const controller = new AbortController();
  const plan = await planCrd(client, wanted, false);
  const interrupted = { signal: controller.signal, progress: () => controller.abort() };
  await expect(upgradeCrd(client, wanted, plan, interrupted)).rejects.toThrow("aborted");
  expect((await crdNow()).spec.versions).toHaveLength(2);
  expect(await upgrade()).toMatchObject({ action: "migrate", objects: 2 });
  expect((await crdNow()).status.storedVersions).toEqual(["v1"]);
});

test("what cannot become ours is refused whole", async () => {
  await install({ ...looseCrd("v1"), spec: { ...(looseCrd("v1") as Crd).spec, scope: "Cluster" } });
  expect((await refusal(true)).message).toContain("the scope of the installed definition is Cluster");
});

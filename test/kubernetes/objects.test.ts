/** The access to objects of any kind, on a real API server. */
import { afterAll, beforeAll, expect, it } from "vitest";
import { createClusterClient } from "#cells/kubernetes/api/cluster-client";
import { type ClusterError, fieldConflicts } from "#cells/kubernetes/api/cluster-error";
import type { KubernetesJson } from "#cells/kubernetes/api/kubernetes-json";
import { createObjects, type Objects } from "#cells/kubernetes/api/objects";
import { resourceTypes } from "#cells/kubernetes/api/resource-types";
import { type CellNamespace, cellNamespace, cluster } from "./support.ts";

interface ConfigMap extends KubernetesJson {
  readonly data?: Readonly<Record<string, string>>;
}

let namespace: CellNamespace;
let objects: Objects;
beforeAll(async () => {
  namespace = await cellNamespace();
  objects = createObjects(await createClusterClient({ kubeconfig: cluster.kubeconfig, namespace: namespace.name }));
});
afterAll(() => namespace[Symbol.asyncDispose]());

const configMap = (name: string, data: Readonly<Record<string, string>>, uid?: string): ConfigMap => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name, ...(uid !== undefined && { uid }) },
  data,
});

const refusalOf = (answer: Promise<unknown>): Promise<ClusterError> =>
  answer.then(
    () => expect.unreachable("it was accepted"),
    (error) => error,
  );

const first = { fieldManager: "first" };
const read = (name: string) => objects.get<ConfigMap>(resourceTypes.ConfigMap, { name });

it("an apply creates, changes what its manager owns, and names the managers of a conflict", async () => {
  expect((await objects.apply(configMap("shared", { a: "1", b: "1" }), first)).object.data).toEqual({ a: "1", b: "1" });
  expect((await objects.apply(configMap("shared", { a: "2" }), first)).object.data).toEqual({ a: "2" });
  const other = { fieldManager: "second" };
  const refused = await refusalOf(objects.apply(configMap("shared", { a: "3", c: "3" }), other));
  expect(refused).toMatchObject({ status: 409, reason: "Conflict" });
  expect(fieldConflicts(refused)).toEqual([{ field: ".data.a", manager: "first" }]);
  const forced = await objects.apply(configMap("shared", { a: "3", c: "3" }), { ...other, force: true });
  expect(forced.object.data).toEqual({ a: "3", c: "3" });
});

it("a dry run writes nothing", async () => {
  const { object } = await objects.apply(configMap("imagined", { a: "1" }), { ...first, dryRun: true });
  expect(object.data).toEqual({ a: "1" });
  expect(await read("imagined")).toBeUndefined();
  await objects.create(configMap("kept", { a: "1" }), first);
  expect(await objects.remove(resourceTypes.ConfigMap, { name: "kept" }, { dryRun: true })).toBe(true);
  expect(await read("kept")).toMatchObject({ data: { a: "1" } });
});

it("an unknown field is refused, and named", async () => {
  const wrong = { ...configMap("wrong", {}), dta: { a: "1" } };
  const { status, message } = await refusalOf(objects.apply(wrong, first));
  expect(message).toMatch(/^failed to create typed patch object .*\.dta: field not declared in schema$/);
  expect(status).toBe(500);
});

it("the causes of a refusal name the fields", async () => {
  const invalid = {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name: "wrong" },
    spec: { ports: [{ port: 70_000 }] },
  };
  const { status, causes } = await refusalOf(objects.apply(invalid, first));
  expect(status).toBe(422);
  expect(causes).toContainEqual(expect.objectContaining({ reason: "FieldValueInvalid", field: "spec.ports[0].port" }));
});

it("the server's warnings come with the answer", async () => {
  await namespace.kubectl("label", "namespace", namespace.name, "pod-security.kubernetes.io/warn=restricted");
  const template = { metadata: { labels: { app: "x" } }, spec: { containers: [{ name: "x", image: "x:1" }] } };
  const deployment = {
    ...{ apiVersion: "apps/v1", kind: "Deployment", metadata: { name: "warned" } },
    spec: { replicas: 0, selector: { matchLabels: { app: "x" } }, template },
  };
  const { warnings } = await objects.apply(deployment, { ...first, dryRun: true });
  expect(warnings).toEqual([expect.stringMatching(/^would violate PodSecurity "restricted:\w+": .*"x"/)]);
});

it("a uid in an apply or a delete means this very object", async () => {
  const uid = (await objects.apply(configMap("one", { a: "1" }), first)).object.metadata?.uid;
  const other = "5f0c6d5e-0000-4000-8000-000000000000";
  const place = { name: "one" };
  expect(await refusalOf(objects.remove(resourceTypes.ConfigMap, place, { uid: other }))).toMatchObject({
    status: 409,
  });
  expect(await objects.remove(resourceTypes.ConfigMap, place, { uid: String(uid) })).toBe(true);
  expect(await objects.remove(resourceTypes.ConfigMap, place)).toBe(false);
  expect(await refusalOf(objects.apply(configMap("one", { a: "1" }, uid), first))).toMatchObject({ status: 409 });
  expect(await read("one")).toBeUndefined();
});

it("patches, replaces, and notices a stale replacement", async () => {
  const created = await objects.create(configMap("patched", { a: "1" }), first);
  const at = [resourceTypes.ConfigMap, { name: "patched" }] as const;
  await objects.patch(...at, { data: { a: null, b: "2" } }, first);
  const { object } = await objects.patch<ConfigMap>(...at, [{ op: "add", path: "/data/c", value: "3" }], first);
  expect(object.data).toEqual({ b: "2", c: "3" });
  const replaced = await objects.replace({ ...object, data: { d: "4" } }, first);
  expect(replaced.object.data).toEqual({ d: "4" });
  expect(await refusalOf(objects.replace(created.object, first))).toMatchObject({ status: 409, reason: "Conflict" });
});

it("lists by label, and says that a kind is not served", async () => {
  for (const name of ["l-1", "l-2"]) {
    const labelled = configMap(name, {});
    await objects.create({ ...labelled, metadata: { ...labelled.metadata, labels: { listed: "yes" } } }, first);
  }
  const listed = await objects.list(resourceTypes.ConfigMap, { labelSelector: "listed=yes" });
  expect(listed.map(({ metadata }) => metadata?.name)).toEqual(["l-1", "l-2"]);
  const unknown = { apiVersion: "kgents.test/v1", kind: "Nothing", plural: "nothings", namespaced: true };
  expect(await refusalOf(objects.get(unknown, { name: "x" }))).toMatchObject({ status: 404 });
});

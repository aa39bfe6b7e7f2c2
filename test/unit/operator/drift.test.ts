/** Who changed what, by managed fields as a real API server (1.34) writes them; and when putting back is a fight. */
import { expect, test } from "vitest";
import type { KubernetesJson } from "#cells/kubernetes/api/kubernetes-json";
import { agentApiVersion } from "#core/agents/names";
import { type Drift, driftOf } from "#operator/reconcile/drift";
import { noReverts, withRevert } from "#operator/reconcile/drift-fight";
import { type Ownership, ownershipOf } from "#operator/reconcile/ownership";

const own = "kgents-operator";
const desired = {
  spec: {
    replicas: 1,
    template: {
      metadata: { labels: { a: "1" } },
      spec: { containers: [{ name: "agent", image: "x:1", command: ["run"] }] },
    },
  },
};
const containers = (image: string, ...more: object[]) => ({
  template: {
    metadata: { labels: { a: "1" } },
    spec: { containers: [{ name: "agent", image, command: ["run"] }, ...more] },
  },
});
const entry = (manager: string, fieldsV1: object, time: string, subresource?: string) => ({
  ...{ manager, fieldsV1, time, operation: "Update" },
  ...(subresource !== undefined && { subresource }),
});
const live = (spec: object, ...managedFields: object[]): KubernetesJson =>
  ({ metadata: { managedFields }, spec }) as KubernetesJson;

const ofImage = {
  "f:spec": { "f:template": { "f:spec": { "f:containers": { 'k:{"name":"agent"}': { ".": {}, "f:image": {} } } } } },
};
const ofReplicas = { "f:spec": { "f:replicas": {} } };
const ofInjected = {
  "f:spec": { "f:template": { "f:spec": { "f:containers": { 'k:{"name":"proxy"}': { "f:image": {} } } } } },
};
const [early, late] = ["2026-01-01T00:00:00Z", "2026-01-01T00:01:00Z"];

test.each<[what: string, object: KubernetesJson, found: readonly Drift[]]>([
  [
    "a scaled Deployment",
    live({ replicas: 3, ...containers("x:1") }, entry(own, {}, early), entry("kubectl", ofReplicas, late)),
    [{ field: ".spec.replicas", manager: "kubectl" }],
  ],
  [
    "another image",
    live({ replicas: 1, ...containers("y:1") }, entry("kubectl-set", ofImage, late)),
    [{ field: '.spec.template.spec.containers[{"name":"agent"}].image', manager: "kubectl-set" }],
  ],
  [
    "two managers",
    live({ replicas: 3, ...containers("y:1") }, entry("a", ofReplicas, early), entry("b", ofImage, late)),
    [
      { field: ".spec.replicas", manager: "a" },
      { field: '.spec.template.spec.containers[{"name":"agent"}].image', manager: "b" },
    ],
  ],
  [
    "a removed field, which nobody manages any more: the last who wrote",
    live({ ...containers("x:1") }, entry(own, {}, late), entry("old", {}, early), entry("kubectl-edit", {}, late)),
    [{ field: "", manager: "kubectl-edit" }],
  ],
  [
    "an injected container is nobody's fault, nor is a status",
    live(
      { replicas: 3, ...containers("x:1", { name: "proxy", image: "p:1" }) },
      entry("injector", ofInjected, early),
      entry("kube-controller-manager", {}, late, "status"),
      entry("kubectl", ofReplicas, early),
    ),
    [{ field: ".spec.replicas", manager: "kubectl" }],
  ],
  ["only the operator wrote it", live({ replicas: 3 }, entry(own, ofReplicas, late)), []],
])("drift: %s", (_what, object, found) => {
  expect(driftOf(object, desired, own)).toEqual(found);
});

const owned = (uid: string, more: object = {}): KubernetesJson => ({
  metadata: {
    ownerReferences: [{ apiVersion: agentApiVersion, kind: "Agent", name: "b", uid, controller: true }],
    annotations: { "kgents.io/render-version": "1" },
    ...more,
  },
});

test.each<[what: string, object: KubernetesJson, whose: Ownership]>([
  ["the Agent's", owned("u1"), "ours"],
  ["of an earlier Agent of the name", owned("u0"), "leaving"],
  ["deleted", owned("u1", { deletionTimestamp: early }), "leaving"],
  ["applied by a newer release", owned("u1", { annotations: { "kgents.io/render-version": "2" } }), "newer"],
  ["nobody's", { metadata: {} }, "foreign"],
  [
    "of another Agent",
    owned("u1", {
      ownerReferences: [{ apiVersion: agentApiVersion, kind: "Agent", name: "c", uid: "u1", controller: true }],
    }),
    "foreign",
  ],
  [
    "of an owner that does not control it",
    owned("u1", { ownerReferences: [{ apiVersion: agentApiVersion, kind: "Agent", name: "b", uid: "u1" }] }),
    "foreign",
  ],
  [
    "of another kind of the name",
    owned("u1", {
      ownerReferences: [{ apiVersion: "kagent.dev/v1", kind: "Agent", name: "b", uid: "u1", controller: true }],
    }),
    "foreign",
  ],
])("an object is %s", (_what, object, whose) => {
  expect(ownershipOf(object, { name: "b", uid: "u1" }, 1)).toBe(whose);
});

test("the fifth revert in a minute is a fight; each further one doubles the hold, up to five minutes", () => {
  let reverts = noReverts;
  const holds: number[] = [];
  let now = 1_000_000;
  for (let count = 0; count < 12; count += 1) {
    const next = withRevert(reverts, now);
    reverts = next.reverts;
    const hold = next.fight ? reverts.heldUntil - now : 0;
    holds.push(hold / 1000);
    now += Math.max(hold, 1000);
  }
  expect(holds).toEqual([0, 0, 0, 0, 10, 20, 40, 80, 160, 300, 300, 300]);
  // After a calm, it is counted from the beginning.
  expect(withRevert(reverts, now + 1_000_000).fight).toBe(false);
});

test("reverts that are further apart are no fight", () => {
  let reverts = noReverts;
  for (let count = 0; count < 20; count += 1) {
    const next = withRevert(reverts, count * 15_001);
    expect(next.fight).toBe(false);
    reverts = next.reverts;
  }
});

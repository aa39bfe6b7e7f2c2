/** What an upgrade of the definition of Agents does to stored objects. */
import { describe, expect, it } from "vitest";
import { agentCrd, type CrdVersion } from "#core/agents/crd";
import { foreignVersions, type LiveCrd, objectChange, schemaOf, transitionalCrd } from "#core/agents/crd-change";
import { goodAgents } from "../../support/agents.ts";

const wanted = agentCrd();
const [ours] = wanted.spec.versions as [CrdVersion];
const changeOf = (spec: object) =>
  objectChange({ metadata: { name: "b-gent", namespace: "team" }, spec }, schemaOf(ours));

it.each(goodAgents)("loses nothing: %s", (_, object) => {
  const { metadata, spec } = object as { metadata: { name: string }; spec: object };
  expect(objectChange({ metadata, spec }, schemaOf(ours))).toMatchObject({ lost: [], issues: [] });
});

describe("an object of the original's last version", () => {
  const spec = {
    ...{ genus: "B", entrypoint: "agents.b.main", replicas: 2, deployMode: "full" },
    resources: { cpu: "100m", memory: "256Mi", gpu: 1 },
    env: [{ name: "A", value: "1", note: "x" }],
    config: { anything: { goes: true } },
  };

  it("names each field that has no place, within objects and lists, too", () => {
    expect(changeOf(spec)).toEqual({
      object: "team/b-gent",
      lost: ["spec.deployMode", "spec.resources.gpu", "spec.env[0].note"],
      issues: [],
    });
  });

  it("names what is wrong beside that", () => {
    const { entrypoint: _, ...rest } = spec;
    expect(changeOf(rest).issues).toMatchObject([
      { field: "spec.entrypoint", message: "got nothing; allowed is one of entrypoint, command and placeholder: true" },
    ]);
  });
});

const live = (versions: readonly Partial<CrdVersion>[], storedVersions: readonly string[]): LiveCrd => ({
  ...wanted,
  spec: { ...wanted.spec, versions: versions.map((each) => ({ name: "", served: true, storage: false, ...each })) },
  status: { storedVersions },
});

it.each([
  [[{ name: "v1", storage: true }], ["v1"], []],
  [[{ name: "v1alpha1", storage: true }], ["v1alpha1"], ["v1alpha1"]],
  [[{ name: "v1alpha1" }, { name: "v1", storage: true }], ["v1"], ["v1alpha1"]],
  [[{ name: "v1beta1" }, { name: "v1", storage: true }], ["v1beta1", "v1"], ["v1beta1"]],
])("%#: finds versions that are not ours", (versions, stored, foreign) => {
  expect(foreignVersions(live(versions, stored), wanted)).toEqual(foreign);
});

it.each([true, false])("%#: on the way our version stores, and the others are known", (served) => {
  const schema = { openAPIV3Schema: { type: "object" } as const };
  const { spec } = transitionalCrd(live([{ name: "v1alpha1", storage: true, schema }], ["v1alpha1"]), wanted, served);
  expect(spec.versions).toEqual([ours, { name: "v1alpha1", served, storage: false, deprecated: true, schema }]);
});

/** deploy/workers/components/autoscaling, checked against KEDA's own definitions. KEDA itself does not run here. */
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parseAllDocuments } from "yaml";
import { clusterWaitingTaskQueue } from "#core/contract/names";
import { cluster, kubectl } from "../../kubernetes/support.ts";
import { root } from "../compose-file.ts";
import { type Keda, readKeda } from "./keda.ts";

interface Trigger {
  readonly type: string;
  readonly metadata: Readonly<Record<string, string>>;
}

let keda: Keda;
let rendered: string;
let triggers: readonly Trigger[];
let secrets: readonly { parameter: string; name: string; key: string }[];
beforeAll(async () => {
  keda = await readKeda();
  rendered = await kubectl(["kustomize", join(root, "deploy/workers/overlays/autoscaled")]);
  const specs = Object.fromEntries(parseAllDocuments(rendered).map((each) => [each.toJS().kind, each.toJS().spec]));
  ({ triggers } = specs.ScaledObject);
  secrets = specs.TriggerAuthentication.secretTargetRef;
  expect(specs.Deployment.replicas).toBeUndefined();
});

describe("with KEDA's definitions", () => {
  beforeAll(async () => {
    for (const file of keda.definitions) await kubectl(["create", "-f", file]);
    const names = ["scaledobjects", "triggerauthentications"].map((kind) => `crd/${kind}.keda.sh`);
    await kubectl(["wait", ...names, "--for=condition=Established", "--timeout=30s"]);
  });
  afterAll(async () => {
    for (const file of keda.definitions) await kubectl(["delete", "-f", file]);
  });

  test("the API server takes the objects as they stand", async () => {
    // The namespace need not exist for checking the objects' schema.
    const objects = parseAllDocuments(rendered)
      .map((each) => each.toJS())
      .filter(({ apiVersion }) => apiVersion === "keda.sh/v1alpha1");
    expect(objects).toHaveLength(2);
    for (const { metadata, ...object } of objects) {
      const input = JSON.stringify({ ...object, metadata: { ...metadata, namespace: "default" } });
      const create = ["create", "--dry-run=server", "--validate=strict", "-f", "-"];
      const { code, stderr } = await cluster.kubectl(create, { input });
      expect(code, stderr).toBe(0);
    }
  });
});

test("each trigger has what its scaler wants, and nothing that it does not know", () => {
  expect(triggers.map(({ type }) => type)).toEqual(["temporal", "temporal", "cpu"]);
  for (const { type, metadata } of triggers) {
    const parameters = keda.parametersOf(type).filter((each) => each.metadataVariableReadable && !each.deprecated);
    expect(parameters.map(({ name }) => name)).toEqual(expect.arrayContaining(Object.keys(metadata)));
    const wanted = parameters.filter((each) => !each.optional && each.default === undefined);
    expect(Object.keys(metadata)).toEqual(expect.arrayContaining(wanted.map(({ name }) => name)));
  }
  const readable = keda.parametersOf("temporal").filter((each) => each.triggerAuthenticationVariableReadable);
  expect(readable.map(({ name }) => name)).toEqual(expect.arrayContaining(secrets.map(({ parameter }) => parameter)));
});

test("they look at the queues that kgents has", () => {
  const queues = triggers.flatMap(({ metadata }) => metadata.taskQueue ?? []);
  expect(queues).toEqual([clusterWaitingTaskQueue("kgents"), "kgents"]);
});

/** Pod templates of a worker's configuration, on a real cluster. */
import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ExecutionRequest } from "#core/contract/request";
import type { PodTemplate } from "#core/manifest/pod-template-fields";
import { createTerminal, freshName, removeNamespaces } from "./infra-support.ts";
import { resourceQuota } from "./manifests.ts";
import { until } from "./moments.ts";
import { type CellNamespace, cellNamespace, kubectl, startClusterWorker } from "./support.ts";

const request = (code: string, more: Partial<ExecutionRequest> = {}): ExecutionRequest => ({
  ...{ code, language: "sh", memory: "64Mi", ttl: 30, backend: "kubernetes" },
  ...more,
});

const hostname = "kubernetes.io/hostname";

interface Node {
  readonly metadata: { readonly name: string; readonly labels: Readonly<Record<string, string>> };
}

async function someNode(): Promise<Node["metadata"]> {
  const { items } = JSON.parse(await kubectl(["get", "nodes", "-o", "json"])) as { items: Node[] };
  const [node] = items;
  if (node?.metadata.labels[hostname] === undefined) throw new Error("the cluster has no node with a host name");
  return node.metadata;
}

let namespace: CellNamespace;
beforeAll(async () => {
  namespace = await cellNamespace();
});
afterAll(() => namespace?.[Symbol.asyncDispose]());

// Cluster-scoped, so the name is unique.
const priorityClassName = `kgents-test-${randomUUID().slice(0, 8)}`;
beforeAll(async () => {
  const metadata = { name: priorityClassName };
  const priority = { apiVersion: "scheduling.k8s.io/v1", kind: "PriorityClass", metadata, value: 7 };
  await kubectl(["create", "-f", "-"], JSON.stringify({ ...priority, preemptionPolicy: "Never" }));
});
afterAll(() => kubectl(["delete", "priorityclass", priorityClassName]));

describe("a template", () => {
  it("is in the pod of a cell, which runs", async () => {
    const { labels } = await someNode();
    const toleration = { key: "kgents.example.com/cells", operator: "Exists", effect: "NoSchedule" } as const;
    const spread = { maxSkew: 100, topologyKey: hostname, whenUnsatisfiable: "ScheduleAnyway" } as const;
    const requirement = { key: hostname, operator: "In" as const, values: [labels[hostname] ?? ""] };
    const podTemplate: PodTemplate = {
      ...{ nodeSelector: { [hostname]: labels[hostname] ?? "" }, tolerations: [toleration], priorityClassName },
      ...{ labels: { "cost-center": "42" }, annotations: { "example.com/owner": "platform" } },
      ...{ imagePullSecrets: [{ name: "registry" }], topologySpreadConstraints: [spread] },
      affinity: {
        nodeAffinity: {
          requiredDuringSchedulingIgnoredDuringExecution: {
            nodeSelectorTerms: [{ matchExpressions: [requirement] }],
          },
        },
      },
    };
    await using worker = await startClusterWorker(namespace.name, { podTemplate });
    const result = await worker.run(request("id -u; echo ran"));
    expect(result).toMatchObject({
      status: "succeeded",
      attempts: 1,
      stdout: { text: expect.stringMatching(/ran\n$/) },
    });
    const { items } = JSON.parse(await namespace.kubectl("get", "pods", "-l", "kgents.io/cell", "-o", "json"));
    const [{ metadata, spec }] = items;
    expect(metadata.labels).toMatchObject({ ...podTemplate.labels, "kgents.io/network": "false" });
    expect(metadata.annotations).toMatchObject({ ...podTemplate.annotations, "sidecar.istio.io/inject": "false" });
    expect(spec).toMatchObject({
      ...{ nodeSelector: podTemplate.nodeSelector, affinity: podTemplate.affinity, priorityClassName, priority: 7 },
      ...{ imagePullSecrets: [{ name: "registry" }], automountServiceAccountToken: false },
      tolerations: expect.arrayContaining([toleration]),
      topologySpreadConstraints: [{ ...spread, labelSelector: { matchLabels: { "kgents.io/job-type": "ephemeral" } } }],
      securityContext: { runAsNonRoot: true },
    });
  });

  it("that no node matches: unschedulable, at the end of the startup time", async () => {
    const nodeSelector = { "kgents.example.com/nowhere": "true" };
    await using worker = await startClusterWorker(namespace.name, { podTemplate: { nodeSelector } });
    const began = Date.now();
    await expect(worker.run(request("true", { startupTimeout: 4 }))).rejects.toMatchObject({
      code: "unschedulable",
      message: expect.stringContaining("didn't match Pod's node affinity/selector"),
    });
    expect(Date.now() - began).toBeGreaterThan(3500);
    expect(Date.now() - began).toBeLessThan(30_000);
  });

  it("with a priority class that the cluster does not have: admission-denied", async () => {
    const podTemplate = { priorityClassName: "no-such-class" };
    await using worker = await startClusterWorker(namespace.name, { podTemplate });
    await expect(worker.run(request("true"))).rejects.toMatchObject({
      code: "admission-denied",
      message: expect.stringContaining("no-such-class"),
    });
  });
});

describe("extended resources", () => {
  const resource = `example.com/kgents-${randomUUID().slice(0, 8)}`;
  let name: string;
  const patchNode = (operation: object) =>
    kubectl([
      ...["patch", "node", name, "--subresource=status", "--type=json", "-p"],
      JSON.stringify([{ ...operation, path: `/status/capacity/${resource.replace("/", "~1")}` }]),
    ]);
  beforeAll(async () => {
    ({ name } = await someNode());
    await patchNode({ op: "add", value: "3" });
  });
  afterAll(() => patchNode({ op: "remove" }));

  it("are requested, and a run waits where a quota of them is used up", async () => {
    await using here = await cellNamespace();
    await here.apply(resourceQuota({ [`requests.${resource}`]: "2" }));
    await using worker = await startClusterWorker(here.name, { podTemplate: { resources: { [resource]: 2 } } });
    const first = await worker.start(request("echo up; sleep 8", { ttl: 0 }));
    for await (const event of first.output()) if (event.type === "output") break;
    const second = await worker.start(request("echo second", { ttl: 0 }));
    const full = `the quota test: requests.${resource}=2`;
    await until("the second one's wait", async () => (await second.describe()).waiting?.full === full);
    expect(await here.kubectl("get", "events", "--field-selector=reason=FailedCreate", "-o", "name")).toBe("");
    expect(await first.result()).toMatchObject({ status: "succeeded" });
    expect(await second.result()).toMatchObject({ status: "succeeded", stdout: { text: "second\n" } });
  });

  it("more than a node has: unschedulable", async () => {
    const podTemplate = { resources: { [resource]: 4 } };
    await using worker = await startClusterWorker(namespace.name, { podTemplate });
    await expect(worker.run(request("true", { startupTimeout: 4 }))).rejects.toMatchObject({
      code: "unschedulable",
      message: expect.stringContaining(`Insufficient ${resource}`),
    });
  });
});

describe("infra init with a template", () => {
  const name = freshName();
  const allowed = "kgents.io/allowed-";
  afterAll(() => removeNamespaces([name]));

  const permissions = async (): Promise<Record<string, string>> => {
    const { metadata } = JSON.parse(await kubectl(["get", "namespace", name, "-o", "json"]));
    return Object.fromEntries(
      Object.entries<string>(metadata.annotations ?? {}).filter(([key]) => key.startsWith(allowed)),
    );
  };

  it("permits what the template needs, and without it no longer", async () => {
    await using terminal = await createTerminal();
    const { labels } = await someNode();
    const podTemplate = { nodeSelector: { [hostname]: labels[hostname] ?? "" }, priorityClassName };
    const file = await terminal.file("template.json", JSON.stringify({ worker: { kubernetes: { podTemplate } } }));
    const init = (...flags: string[]) => terminal.run(["infra", "init", "--namespace", name, "--yes", ...flags]);

    const first = await init("--config", file);
    expect(first.code, first.stderr).toBe(0);
    expect(first.stderr).toContain(`        permitted to cells: priority class ${priorityClassName}\n`);
    expect(await permissions()).toEqual({ [`${allowed}priority-classes`]: priorityClassName });
    await using worker = await startClusterWorker(name, { podTemplate });
    expect(await worker.run(request("echo ran"))).toMatchObject({ status: "succeeded", stdout: { text: "ran\n" } });

    await kubectl(["annotate", "namespace", name, `${allowed}resources=example.com/gpu`]);
    const second = await init();
    expect(second.code, second.stderr).toBe(0);
    expect(await permissions()).toEqual({ [`${allowed}resources`]: "example.com/gpu" });
    // The API server learns of the annotation by a watch.
    await expect
      .poll(() => worker.run(request("echo ran")).catch((error) => error), { timeout: 60_000 })
      .toMatchObject({ code: "admission-denied", message: expect.stringContaining(`${allowed}priority-classes`) });
  });
});

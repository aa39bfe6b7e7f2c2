/** deploy/ against the code. */

import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { Command } from "commander";
import { describe, expect, it, test } from "vitest";
import { parse, parseAllDocuments } from "yaml";
import { maximumOutputFileBytes } from "#activities/output-files";
import { loadManifests, type Manifest, manifestTitle } from "#cells/kubernetes/infra/manifests";
import { requiredAccess } from "#cells/kubernetes/infra/required-access";
import { operatorCommand } from "#client/cli/operator/operator-command";
import { workerCommand } from "#client/cli/stack/worker-command";
import { agentNamespace, operatorName } from "#core/agents/names";
import { parseConfiguration } from "#core/configuration/configuration";
import type { OperatorCommandFlags } from "#core/configuration/operator-flags";
import type { WorkerCommandFlags } from "#core/configuration/worker-flags";
import { shapeOf } from "#core/contract/cell-shape";
import { builtInLanguages, findLanguage } from "#core/contract/language";
import { cellNamespace } from "#core/contract/names";
import { validateRequest } from "#core/contract/parse-request";
import { maximumStreamBytes } from "#core/contract/result";
import { cellPod } from "#core/manifest/cell-pod";
import { allowedAnnotations, managedByKgents, managedByLabel, networkLabel } from "#core/manifest/cluster-names";
import { rangeHolds, specialRanges4, specialRanges6 } from "#core/manifest/special-addresses";
import { parseDuration } from "#core/text/duration";
import { parseQuantity } from "#core/text/quantity";

const root = join(import.meta.dirname, "../..");

const manifests = await loadManifests(cellNamespace);

/** The spec of an object, or its other fields besides metadata. */
function contentOf(title: string): Record<string, unknown> {
  const found = manifests.find((manifest) => manifestTitle(manifest) === title);
  if (!found) throw new Error(`deploy/ has no ${title}`);
  const { spec, ...rest } = found as Manifest & { spec?: Record<string, unknown> };
  return spec ?? { ...rest };
}

it("the Role says what the table of required access says", () => {
  const { rules } = contentOf("Role kgents-worker") as {
    rules: { apiGroups: string[]; resources: string[]; verbs: string[]; resourceNames?: string[] }[];
  };
  const inRole = rules.flatMap(({ apiGroups, resources, verbs }) =>
    apiGroups.flatMap((group) => resources.flatMap((resource) => verbs.map((verb) => ({ group, resource, verb })))),
  );
  expect(inRole).toEqual(requiredAccess);
  expect(rules.filter(({ resourceNames }) => resourceNames)).toEqual([
    { apiGroups: [""], resources: ["namespaces"], resourceNames: [cellNamespace], verbs: ["get"] },
  ]);
});

/**
 * The name of a cluster-scoped object contains the cells' namespace, so that two instances of kgents in one cluster do
 * not share it.
 */
const isOfCluster = ({ apiVersion, metadata }: Manifest): boolean =>
  metadata.name === cellNamespace ||
  (apiVersion === "admissionregistration.k8s.io/v1" && metadata.name.endsWith(`.${cellNamespace}`));

test.each(manifests.map((manifest) => [manifestTitle(manifest), manifest] as const))(
  "%s is marked as ours",
  (_, manifest) => {
    expect(manifest.metadata.labels).toMatchObject({ [managedByLabel]: managedByKgents });
    expect(manifest.metadata.namespace).toBe(isOfCluster(manifest) ? undefined : cellNamespace);
  },
);

it("takes another namespace's name everywhere", async () => {
  const [namespace, ...others] = await loadManifests("elsewhere");
  expect(namespace?.metadata.name).toBe("elsewhere");
  expect(others.map(({ metadata }) => metadata.namespace ?? metadata.name.split(".").at(-1))).toEqual(
    others.map(() => "elsewhere"),
  );
  expect(JSON.stringify([namespace, ...others])).not.toContain(cellNamespace);
});

describe("a pod template", () => {
  const annotationsOf = async (podTemplate?: object) => {
    const { worker } = parseConfiguration({ worker: { kubernetes: { podTemplate } } });
    const [namespace, ...others] = await loadManifests(cellNamespace, worker.kubernetes.podTemplate);
    expect(others).toEqual(manifests.slice(1));
    return namespace?.metadata.annotations;
  };

  it("is permitted by annotations of the namespace, and by nothing else", async () => {
    const template = {
      priorityClassName: "low",
      nodeSelector: { pool: "cells" },
      annotations: { note: "x" },
      imagePullSecrets: [{ name: "a" }, { name: "b" }],
      resources: { "nvidia.com/gpu": 1 },
    };
    expect(await annotationsOf(template)).toEqual({
      "kgents.io/allowed-priority-classes": "low",
      "kgents.io/allowed-pull-secrets": "a,b",
      "kgents.io/allowed-resources": "nvidia.com/gpu",
    });
  });

  it.each([undefined, {}, { nodeSelector: { pool: "cells" }, resources: {} }])("%j needs no permission", async (it) => {
    expect(await annotationsOf(it)).toBeUndefined();
  });

  it("is read by the admission policy by the same names", () => {
    const policy = JSON.stringify(contentOf(`ValidatingAdmissionPolicy kgents-cells.${cellNamespace}`));
    for (const name of Object.values(allowedAnnotations)) expect(policy).toContain(`variables.allowed[?\\"${name}\\"]`);
  });
});

describe("the policies", () => {
  it("deny all, for all pods", () => {
    const policy = contentOf("NetworkPolicy kgents-deny-all");
    expect(policy).toEqual({ podSelector: {}, policyTypes: ["Ingress", "Egress"] });
  });

  it("open what the sandbox opens, for cells that ask for it", () => {
    const policy = contentOf("NetworkPolicy kgents-public-egress");
    expect(policy).toMatchObject({ podSelector: { matchLabels: { [networkLabel]: "true" } }, policyTypes: ["Egress"] });
    const [, { to }] = policy.egress as [unknown, { to: { ipBlock: { cidr: string; except: string[] } }[] }];
    const exceptOf = (cidr: string) => to.find(({ ipBlock }) => ipBlock.cidr === cidr)?.ipBlock.except;
    expect(exceptOf("0.0.0.0/0")).toEqual(specialRanges4.map(({ range }) => range));
    const publicSpecial6 = specialRanges6.filter(({ range }) => rangeHolds("2000::/3", range));
    expect(exceptOf("2000::/3")).toEqual(publicSpecial6.map(({ range }) => range));
  });
});

describe("the quota and the limits", () => {
  const { hard } = contentOf("ResourceQuota kgents-cells") as { hard: Record<string, string> };
  const [cell] = cellPod(shapeOf(validateRequest({ code: "1" }), findLanguage(builtInLanguages, "python"))).containers;

  // A resource that a quota counts must be set by the pod; otherwise the pod is rejected.
  test.each(Object.keys(hard).filter((name) => /^(?:requests|limits)\./.test(name)))("a cell says its %s", (name) => {
    const [part, resource = ""] = name.split(/\.(.*)/);
    expect(cell.resources[part as "requests" | "limits"]).toHaveProperty([resource]);
  });

  it("gives pods that say nothing no more than a cell has", () => {
    const { limits } = contentOf("LimitRange kgents-cells") as { limits: { defaultRequest: object }[] };
    expect(limits).toMatchObject([{ defaultRequest: cell.resources.requests }]);
  });
});

describe("workers in the cluster", async () => {
  const read = async (path: string) => parse(await readFile(join(root, path), "utf8"), { merge: true });
  const deployment = await read("deploy/workers/base/deployment.yaml");
  const pod = deployment.spec.template.spec;
  const [container] = pod.containers;

  it("the command line takes their arguments, and the grace period outlasts the drain", () => {
    let taken: WorkerCommandFlags | undefined;
    const program = new Command().exitOverride();
    workerCommand(program, async (flags) => {
      taken = flags;
    });
    program.parse(container.args, { from: "user" });
    expect(taken).toMatchObject({ healthHost: "0.0.0.0", metricsHost: "0.0.0.0" });
    const ports = Object.fromEntries(
      container.ports.map((port: { name: string; containerPort: number }) => [port.name, port.containerPort]),
    );
    expect(ports).toEqual({ health: taken?.healthPort, metrics: taken?.metricsPort });
    // docs/fleet.md
    expect(pod.terminationGracePeriodSeconds).toBe((parseDuration(taken?.drain ?? "") ?? Number.NaN) / 1000 + 45);
  });

  test.each(["deploy/workers/base", "deploy/workers/overlays/production"])(
    "what cells may leave while the bucket is away fits the worker's disk: %s",
    async (directory) => {
      const { worker } = parseConfiguration(await read(join(directory, "kgents.config.yaml")));
      const sizes: [name: string, bytes: number][] = pod.volumes.flatMap(
        ({ name, emptyDir }: { name: string; emptyDir?: { sizeLimit: string } }) =>
          emptyDir ? [[name, parseQuantity(emptyDir.sizeLimit)]] : [],
      );
      const left = worker.kubernetes.maximumCells * (2 * maximumStreamBytes + maximumOutputFileBytes);
      expect(Object.fromEntries(sizes).state).toBeGreaterThanOrEqual(left);
      const all = sizes.reduce((sum, [, bytes]) => sum + bytes, 0);
      expect(parseQuantity(container.resources.limits["ephemeral-storage"])).toBeGreaterThan(all);
    },
  );

  it("compose keeps a worker's state on disk, not in the memory that bounds it", async () => {
    const { services, volumes } = await read("docker-compose.yml");
    const { volumes: mounts, tmpfs } = services.worker;
    expect(mounts).toContain("worker-state:/var/lib/kgents/state");
    expect(volumes).toHaveProperty(["worker-state"]);
    expect(tmpfs).toEqual(["/tmp"]);
  });

  it("the image has this version", async () => {
    const { version } = await read("package.json");
    expect(container.image).toBe(`kgents:${version}`);
    const { images } = await read("deploy/workers/overlays/production/kustomization.yaml");
    expect(images).toMatchObject([{ name: "kgents", newTag: version }]);
    expect(await readFile(join(root, ".env.example"), "utf8")).toContain(`KGENTS_VERSION=${version}\n`);
  });

  it("all that KEDA may start have together what the quota has pods for", async () => {
    const scaled = parseAllDocuments(
      await readFile(join(root, "deploy/workers/components/autoscaling/scaled-object.yaml"), "utf8"),
    )[0]?.toJS();
    const { worker } = parseConfiguration(await read("deploy/workers/overlays/production/kgents.config.yaml"));
    const { hard } = contentOf("ResourceQuota kgents-cells") as { hard: { pods: string } };
    expect(scaled.spec.maxReplicaCount * worker.kubernetes.maximumCells).toBe(Number(hard.pods));
  });

  test.each(["deploy/workers/base", "deploy/workers/overlays/production", "deploy/compose"])(
    "the policy of %s is one",
    async (directory) => {
      const { worker } = parseConfiguration(await read(join(directory, "kgents.config.yaml")));
      expect(worker.backends).toEqual(["kubernetes"]);
    },
  );
});

describe("operators in the cluster", async () => {
  const read = async (path: string) => parse(await readFile(join(root, path), "utf8"), { merge: true });
  const deployment = await read("deploy/operator/deployment.yaml");
  const pod = deployment.spec.template.spec;
  const [container] = pod.containers;

  it("the command line takes their arguments", () => {
    let taken: OperatorCommandFlags | undefined;
    const program = new Command().exitOverride();
    operatorCommand(program, async (flags) => {
      taken = flags;
    });
    program.parse(container.args, { from: "user" });
    expect(taken).toMatchObject({ namespace: [agentNamespace], healthHost: "0.0.0.0", metricsHost: "0.0.0.0" });
    const ports = Object.fromEntries(
      container.ports.map((port: { name: string; containerPort: number }) => [port.name, port.containerPort]),
    );
    expect(ports).toEqual({ health: taken?.healthPort, metrics: taken?.metricsPort });
  });

  it("there are two, of this version, with the configuration's own default", async () => {
    const { version } = await read("package.json");
    expect(container.image).toBe(`kgents:${version}`);
    expect(deployment.spec.replicas).toBe(2);
    const { operator } = parseConfiguration(await read("deploy/operator/kgents.config.yaml"));
    expect(operator.networkIsolation).toBe("required");
  });

  it("their account has the Role of the Agents' namespace, and no other", async () => {
    const text = await readFile(join(root, "deploy/operator/access.yaml"), "utf8");
    const bindings = parseAllDocuments(text)
      .map((document) => document.toJS())
      .filter(({ kind }) => kind.endsWith("RoleBinding"));
    expect(bindings).toMatchObject([
      { kind: "RoleBinding", metadata: { namespace: agentNamespace }, roleRef: { kind: "Role", name: operatorName } },
    ]);
    expect(bindings[0].subjects).toEqual([
      { kind: "ServiceAccount", name: pod.serviceAccountName, namespace: deployment.metadata.namespace },
    ]);
  });
});

/** deploy/agents against the code. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parseAllDocuments } from "yaml";
import { loadManifests, type Manifest, manifestTitle } from "#cells/kubernetes/infra/manifests";
import { childKinds } from "#core/agents/children";
import { agentGroup, agentNamespace, operatorName } from "#core/agents/names";
import { managedByKgents, managedByLabel } from "#core/manifest/cluster-names";

const manifests = await loadManifests(agentNamespace, {}, "agents");
const contentOf = (title: string) => manifests.find((manifest) => manifestTitle(manifest) === title) as never;

it.each(manifests.map((manifest) => [manifestTitle(manifest), manifest] as const))(
  "%s is ours, and in place",
  (_, manifest) => {
    expect(manifest.metadata.labels?.[managedByLabel]).toBe(managedByKgents);
    if (manifest.kind !== "Namespace") expect(manifest.metadata.namespace).toBe(agentNamespace);
  },
);

it("the namespace comes first, and the definition is not among them", () => {
  expect(manifests.map(({ kind }) => kind)).toEqual([
    ...["Namespace", "NetworkPolicy", "ResourceQuota", "LimitRange"],
    ...["ServiceAccount", "ServiceAccount", "Role", "RoleBinding"],
  ]);
});

it("another namespace takes the place of the usual one everywhere", async () => {
  const elsewhere = JSON.stringify(await loadManifests("elsewhere", {}, "agents"));
  expect(elsewhere).not.toContain(agentNamespace);
  expect(elsewhere).toContain('"resourceNames":["elsewhere"]');
});

interface Rule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly resourceNames?: readonly string[];
  readonly verbs: readonly string[];
}

describe("the operator's Role", () => {
  const { rules } = contentOf(`Role ${operatorName}`) as Manifest & { rules: readonly Rule[] };
  const verbsOn = (group: string, resource: string) =>
    rules
      .filter((rule) => rule.apiGroups.includes(group) && rule.resources.includes(resource))
      .flatMap((rule) => rule.verbs);

  it.each(childKinds)("makes and removes: $plural", ({ apiVersion, plural }) => {
    const group = apiVersion.includes("/") ? (apiVersion.split("/")[0] ?? "") : "";
    expect(verbsOn(group, plural)).toEqual(["get", "list", "watch", "create", "patch", "delete"]);
  });

  it("writes no spec of an Agent, and reads no Secret", () => {
    expect(verbsOn(agentGroup, "agents")).toEqual(["get", "list", "watch"]);
    expect(verbsOn("", "secrets")).toEqual([]);
    expect(JSON.stringify(rules)).not.toContain("*");
    expect(rules.flatMap(({ resources }) => resources)).not.toContain("pods/exec");
  });
});

it("the ClusterRole of an operator of all namespaces has the same rules, but no Leases", async () => {
  const { rules } = contentOf(`Role ${operatorName}`) as Manifest & { rules: readonly Rule[] };
  const file = join(import.meta.dirname, "../../../deploy/operator-all-namespaces/access.yaml");
  const documents = parseAllDocuments(await readFile(file, "utf8")).map((document) => document.toJS());
  const withoutNames = ({ resourceNames: _, ...rule }: Rule) => rule;
  expect(documents.find(({ kind }) => kind === "ClusterRole").rules).toEqual(
    rules.filter(({ resources }) => !resources.includes("leases")).map(withoutNames),
  );
});

describe("the namespace", () => {
  it("admits only restricted pods, and no traffic by default", () => {
    const { metadata } = contentOf(`Namespace ${agentNamespace}`) as Manifest;
    for (const mode of ["enforce", "warn", "audit"]) {
      expect(metadata.labels?.[`pod-security.kubernetes.io/${mode}`]).toBe("restricted");
    }
    expect(contentOf("NetworkPolicy kgents-deny-all")).toMatchObject({
      spec: { podSelector: {}, policyTypes: ["Ingress", "Egress"] },
    });
  });
});

import type { KubernetesJson } from "#cells/kubernetes/api/kubernetes-json";
import type { Objects } from "#cells/kubernetes/api/objects";
import { resourceTypes } from "#cells/kubernetes/api/resource-types";
import { type Acceptance, accepted } from "#core/agents/agent-status";
import { networkIsolationAnnotation, networkIsolationReasonAnnotation } from "#core/manifest/cluster-names";

/** `required`: Agents run only where the canary proved that NetworkPolicies are enforced. */
export type NetworkIsolationPolicy = "required" | "best-effort";

/** For how long a verdict is used, in milliseconds. */
const lifetime = 15_000;

/**
 * Creates a check of namespaces: whether their network isolation is proved. The verdict is an annotation of the
 * namespace, which the canary of `kgents infra init` writes.
 */
export function isolationCheck(
  objects: Pick<Objects, "get">,
  policy: NetworkIsolationPolicy,
): (namespace: string) => Promise<Acceptance> {
  const known = new Map<string, { readonly verdict: Promise<Acceptance>; readonly until: number }>();
  const ask = async (name: string): Promise<Acceptance> => {
    const namespace = await objects.get<KubernetesJson>(resourceTypes.Namespace, { name });
    const annotations = namespace?.metadata?.annotations ?? {};
    if (annotations[networkIsolationAnnotation] === "enforced") return accepted;
    const why = annotations[networkIsolationReasonAnnotation] ?? "it was not verified";
    return {
      reason: "NetworkNotIsolated",
      message: `network isolation is not proved in the namespace ${name}: ${why}; run \`kgents infra init --agents\``,
    };
  };
  return async (name) => {
    if (policy === "best-effort") return accepted;
    const last = known.get(name);
    if (last && Date.now() < last.until) return last.verdict;
    const verdict = ask(name);
    known.set(name, { verdict, until: Date.now() + lifetime });
    // The next reconcile asks again.
    verdict.catch(() => known.delete(name));
    return verdict;
  };
}

/**
 * A view of one Agent, read from the server once.
 *
 * @module
 */
import type { KubernetesJson } from "#cells/kubernetes/api/kubernetes-json";
import type { Objects } from "#cells/kubernetes/api/objects";
import { resourceTypes } from "#cells/kubernetes/api/resource-types";
import { childKinds } from "#core/agents/children";
import type { LivePod } from "#core/agents/live-state";
import { agentLabel, genusLabel } from "#core/agents/names";
import { type ClusterView, type SeenAgent, toLivePod, toSeenAgent } from "./cluster-view.ts";
import { type SeenChild, toSeenChild } from "./seen-child.ts";

/**
 * Reads an Agent, its objects and its pods.
 *
 * @throws ClusterError
 */
export async function lookOnce(
  objects: Pick<Objects, "get" | "list">,
  { namespace, name }: { readonly namespace: string; readonly name: string },
): Promise<ClusterView> {
  const selected = { namespace, labelSelector: `${agentLabel}=${name},${genusLabel}` };
  const [agent, pods, ...children] = await Promise.all([
    objects.get<SeenAgent>(resourceTypes.Agent, { namespace, name }),
    objects.list<KubernetesJson & LivePod>(resourceTypes.Pod, selected),
    ...childKinds.map(async ({ kind }): Promise<readonly SeenChild[]> => {
      const found = await objects.list<KubernetesJson>(resourceTypes[kind], selected);
      return found.map((object) => toSeenChild(kind, object));
    }),
  ]);
  return {
    agent: () => agent && toSeenAgent(agent),
    children: () => children.flat(),
    pods: () => pods.map(toLivePod),
  };
}

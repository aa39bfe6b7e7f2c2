import type { KubernetesJson } from "#cells/kubernetes/api/kubernetes-json";
import { agentApiVersion, agentKind } from "#core/agents/names";
import { controllerOf, renderVersionOf } from "../see/seen-child.ts";

/**
 * Whose a live object is:
 * - `ours`: the Agent is its controller
 * - `foreign`: it belongs to somebody else, or to nobody. It is never changed
 * - `leaving`: it is being deleted, or belongs to an earlier Agent of the same name and follows that
 * - `newer`: a newer release of the operator applied it
 */
export type Ownership = "ours" | "foreign" | "leaving" | "newer";

/** Whose a live object is, seen from an Agent. */
export function ownershipOf(
  live: KubernetesJson,
  agent: { readonly name: string; readonly uid: string },
  renderVersion: number,
): Ownership {
  const controller = controllerOf(live);
  const isAgents =
    controller?.kind === agentKind && controller.apiVersion === agentApiVersion && controller.name === agent.name;
  if (!isAgents) return "foreign";
  if (controller.uid !== agent.uid || live.metadata?.deletionTimestamp !== undefined) return "leaving";
  return renderVersionOf(live) > renderVersion ? "newer" : "ours";
}

/**
 * What the operator would make of an Agent, as the API server sees it: admission, quota and defaults included. Nothing
 * is written.
 *
 * @module
 */
import type { KubernetesJson } from "#cells/kubernetes/api/kubernetes-json";
import type { Objects } from "#cells/kubernetes/api/objects";
import { resourceTypeOf } from "#cells/kubernetes/api/resource-types";
import type { Agent } from "#core/agents/agent";
import { type AgentChild, childKinds, renderChildren } from "#core/agents/children";
import { fieldManagers } from "#core/agents/names";
import type { AppliedAgent } from "./apply.ts";
import { refusalOf } from "./cluster-refusal.ts";

/** One object as it is, and as it would be. */
export interface PreviewedObject {
  readonly kind: string;
  readonly name: string;
  /** Undefined if it does not exist. */
  readonly before: KubernetesJson | undefined;
  /** Undefined if it would be removed, or was refused. */
  readonly after: KubernetesJson | undefined;
  readonly warnings: readonly string[];
  /** Why the server would refuse it. */
  readonly refused: string | undefined;
}

const isOwnedBy = ({ metadata }: KubernetesJson, uid: string | undefined): boolean =>
  uid !== undefined && metadata?.ownerReferences?.some((owner) => owner.controller && owner.uid === uid) === true;

async function previewChild(objects: Objects, child: AgentChild, uid: string | undefined): Promise<PreviewedObject> {
  const { kind, metadata } = child;
  const before = await objects.get<KubernetesJson>(resourceTypeOf(child), metadata);
  const common = { kind, name: metadata.name, before };
  if (before !== undefined && !isOwnedBy(before, uid)) {
    const refused = "it is there already and does not belong to the Agent (NameConflict)";
    return { ...common, after: undefined, warnings: [], refused };
  }
  try {
    const options = { fieldManager: fieldManagers.operator, force: true, dryRun: true };
    const { object, warnings } = await objects.apply<KubernetesJson>(child, options);
    return { ...common, after: object, warnings, refused: undefined };
  } catch (error) {
    return { ...common, after: undefined, warnings: [], refused: refusalOf(error).message };
  }
}

/** The objects of the Agent that are there and would no longer be wanted. */
async function previewRemovals(
  objects: Objects,
  { metadata }: Agent,
  wanted: readonly AgentChild[],
): Promise<PreviewedObject[]> {
  const absent = childKinds.filter(({ kind }) => !wanted.some((child) => child.kind === kind));
  const found = await Promise.all(
    absent.map(async ({ apiVersion, kind }): Promise<PreviewedObject | undefined> => {
      const place = { name: metadata.name, namespace: metadata.namespace };
      const before = await objects.get<KubernetesJson>(resourceTypeOf({ apiVersion, kind }), place);
      if (before === undefined || !isOwnedBy(before, metadata.uid)) return undefined;
      return { kind, name: metadata.name, before, after: undefined, warnings: [], refused: undefined };
    }),
  );
  return found.filter((object) => object !== undefined);
}

/**
 * Previews an Agent and its objects.
 *
 * @param applied the answer to a dry run of the Agent's apply
 * @throws KgentsError if the cluster does not answer or forbids it
 */
export async function previewAgent(objects: Objects, applied: AppliedAgent): Promise<PreviewedObject[]> {
  const { agent, before, warnings } = applied;
  const { uid: _, ...imagined } = agent.metadata;
  // The uid of an Agent that does not exist is made up.
  const live: Agent = before === undefined ? { ...agent, metadata: imagined } : agent;
  const children = renderChildren(live);
  const { uid } = live.metadata;
  const own = { kind: agent.kind, name: agent.metadata.name, before, after: agent, warnings, refused: undefined };
  return [
    own,
    ...(await Promise.all(children.map((child) => previewChild(objects, child, uid)))),
    ...(await previewRemovals(objects, live, children)),
  ];
}

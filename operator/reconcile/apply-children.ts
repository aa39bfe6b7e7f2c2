/**
 * Applies all objects of an Agent, and removes what an earlier generation had.
 *
 * @module
 */
import type { Objects } from "#cells/kubernetes/api/objects";
import { resourceTypes } from "#cells/kubernetes/api/resource-types";
import type { Agent } from "#core/agents/agent";
import { type AgentChild, type ChildKind, childKinds, renderChildren } from "#core/agents/children";
import type { SeenChild } from "../see/seen-child.ts";
import { applyChild, type ChildOutcome } from "./apply-child.ts";
import { type AgentMemory, keyOfKind } from "./memory.ts";

/** What became of one object. */
export interface ChildReport {
  readonly kind: string;
  readonly name: string;
  readonly outcome: ChildOutcome;
}

/** What applying an Agent's objects needs. */
export interface ChildrenContext {
  readonly objects: Objects;
  readonly memory: AgentMemory;
  readonly seen: readonly SeenChild[];
  readonly signal: AbortSignal;
}

const isChildKind = (kind: string): kind is ChildKind => childKinds.some((known) => known.kind === kind);

/** Removes objects of the Agent that its spec does not ask for any more. */
async function removeUnwanted(
  { objects, memory, seen, signal }: ChildrenContext,
  agent: { readonly namespace: string; readonly uid: string },
  wanted: readonly AgentChild[],
): Promise<void> {
  const keys = new Set(wanted.map(({ kind, metadata }) => keyOfKind(kind, metadata.name)));
  for (const { kind, name, uid, ownerUid, isLeaving } of seen) {
    if (ownerUid !== agent.uid || isLeaving || keys.has(keyOfKind(kind, name)) || !isChildKind(kind)) continue;
    await objects.remove(resourceTypes[kind], { name, namespace: agent.namespace }, { uid, limits: { signal } });
    memory.children.delete(keyOfKind(kind, name));
  }
}

/**
 * Brings the objects of an Agent to what its spec asks for.
 *
 * The first time, the Deployment comes last: no pod starts before the policy that isolates it. If a name is taken, the
 * Deployment is left as it is.
 *
 * @throws ClusterError if the server refuses, or does not answer
 */
export async function applyChildren(agent: Agent, context: ChildrenContext): Promise<readonly ChildReport[]> {
  const { objects, memory, seen, signal } = context;
  const { name, namespace = "", uid = "" } = agent.metadata;
  const desired = renderChildren(agent);
  const applyOne = async (child: AgentChild): Promise<ChildReport> => {
    const known = seen.find((each) => each.kind === child.kind && each.name === child.metadata.name);
    const outcome = await applyChild({ objects, memory, agent: { name, uid }, seen: known, signal }, child);
    return { kind: child.kind, name: child.metadata.name, outcome };
  };
  const support = desired.filter(({ kind }) => kind !== "Deployment");
  const isThere = ({ kind, metadata }: AgentChild): boolean =>
    seen.some((each) => each.kind === kind && each.name === metadata.name && each.ownerUid === uid && !each.isLeaving);
  if (support.every(isThere)) {
    const all = await Promise.all(desired.map(applyOne));
    await removeUnwanted(context, { namespace, uid }, desired);
    return all;
  }
  const before = await Promise.all(support.map(applyOne));
  const isBlocked = before.some(({ outcome }) => outcome.kind === "conflict" || outcome.kind === "leaving");
  const deployments = desired.filter(({ kind }) => kind === "Deployment");
  const after = isBlocked ? [] : await Promise.all(deployments.map(applyOne));
  await removeUnwanted(context, { namespace, uid }, desired);
  return [...before, ...after];
}

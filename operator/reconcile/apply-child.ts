/**
 * Applies one object of an Agent, unless it is as it should be.
 *
 * @module
 */
import type { KubernetesJson } from "#cells/kubernetes/api/kubernetes-json";
import type { Objects } from "#cells/kubernetes/api/objects";
import { resourceTypes } from "#cells/kubernetes/api/resource-types";
import type { AgentChild } from "#core/agents/children";
import { fieldManagers, renderVersion } from "#core/agents/names";
import { contentHash } from "../see/live-content.ts";
import { type SeenChild, toSeenChild } from "../see/seen-child.ts";
import { desiredHash } from "./applied-hash.ts";
import { type Drift, driftOf } from "./drift.ts";
import { noReverts, withRevert } from "./drift-fight.ts";
import { type AgentMemory, type AppliedChild, keyOfKind, shown } from "./memory.ts";
import { ownershipOf } from "./ownership.ts";

/** What became of an object. */
export type ChildOutcome =
  /** It is as it should be, or a newer release looks after it. */
  | { readonly kind: "unchanged"; readonly again?: number | undefined }
  | { readonly kind: "applied" }
  /** Somebody had changed or deleted it. `fight` says that it happens too often: it is left alone for a while. */
  | { readonly kind: "reverted"; readonly drift: readonly Drift[]; readonly deleted: boolean; readonly fight: boolean }
  /** Its name is taken by an object of somebody else. */
  | { readonly kind: "conflict" }
  /** An earlier object of the same name is about to go. Milliseconds until the next attempt. */
  | { readonly kind: "leaving"; readonly again: number };

/** What an apply of an object needs. */
export interface ApplyContext {
  readonly objects: Objects;
  readonly memory: AgentMemory;
  readonly agent: { readonly name: string; readonly uid: string };
  /** The Agent's object of this kind and name, as the view shows it. */
  readonly seen: SeenChild | undefined;
  readonly signal: AbortSignal;
}

/** How long the view may take to show what was applied, in milliseconds. Then the object is read from the server. */
const lagMilliseconds = 5000;
/** The pause until an object that is leaving is looked at again, in milliseconds. */
const leavingMilliseconds = 500;

/** Whether the view shows what was applied, or still shows what was there before. */
function isAsApplied(seen: SeenChild | undefined, applied: AppliedChild): boolean {
  const isLate = Date.now() - applied.at > lagMilliseconds;
  if (seen === undefined) return applied.replaced === undefined && !isLate;
  if (seen.uid === applied.uid && seen.hash === applied.live) return true;
  return seen.resourceVersion === applied.replaced && !isLate;
}

/** A version that no object has. The server takes it if it creates the object, and refuses it for one that exists. */
const noVersion = "1";

/**
 * Applies the object, and remembers the answer. Returns the hash of its content.
 *
 * @param live what was found under its name; undefined if nothing was
 * @throws ClusterError with status 409 if that has changed meanwhile: an object that somebody else creates under the name
 *   is not merged into, and one that is deleted is not created again
 */
async function apply(
  { objects, memory, seen, signal }: ApplyContext,
  desired: AgentChild,
  live: { readonly uid: string } | undefined,
): Promise<string> {
  const precondition = live === undefined ? { resourceVersion: noVersion } : { uid: live.uid };
  const metadata = { ...desired.metadata, ...precondition };
  const { object } = await objects.apply<KubernetesJson>(
    { ...desired, metadata },
    { fieldManager: fieldManagers.operator, force: true, limits: { signal } },
  );
  const answer = toSeenChild(desired.kind, object);
  memory.children.set(keyOfKind(desired.kind, desired.metadata.name), {
    uid: answer.uid,
    desired: desiredHash(desired),
    live: answer.hash,
    replaced: seen?.resourceVersion,
    at: Date.now(),
    deployment: answer.deployment,
  });
  return answer.hash;
}

/** Puts an object back that differs from what was applied. */
async function putBack(context: ApplyContext, desired: AgentChild, live: KubernetesJson | undefined) {
  const { memory } = context;
  const key = keyOfKind(desired.kind, desired.metadata.name);
  const hash = await apply(context, desired, live && { uid: live.metadata?.uid ?? "" });
  // What differed was not the operator's: injected by others, and left to them. The version may differ all the same,
  // because a controller wrote the status meanwhile.
  if (live && hash === contentHash(live)) return { kind: "unchanged" } as const;
  const drift = live ? driftOf(live, desired, fieldManagers.operator) : [];
  const { reverts, fight } = withRevert(memory.reverts.get(key) ?? noReverts, Date.now());
  memory.reverts.set(key, reverts);
  return { kind: "reverted", drift, deleted: live === undefined, fight } as const;
}

/**
 * Applies an object of an Agent.
 *
 * @throws ClusterError if the server refuses, or does not answer
 */
export async function applyChild(context: ApplyContext, desired: AgentChild): Promise<ChildOutcome> {
  const { objects, memory, agent, seen, signal } = context;
  const { kind, metadata } = desired;
  const key = keyOfKind(kind, metadata.name);
  const applied = memory.children.get(key);
  const sameDesire = applied?.desired === desiredHash(desired);
  if (applied && sameDesire && isAsApplied(seen, applied)) {
    if (seen?.hash !== applied.live) return { kind: "unchanged", again: lagMilliseconds };
    memory.children.set(key, { ...applied, replaced: shown });
    return { kind: "unchanged" };
  }
  const { heldUntil } = memory.reverts.get(key) ?? noReverts;
  if (sameDesire && heldUntil > Date.now()) return { kind: "unchanged", again: heldUntil - Date.now() };
  if (seen && seen.ownerUid === agent.uid && !seen.isLeaving && !sameDesire) {
    if (seen.renderVersion > renderVersion) return { kind: "unchanged" };
    await apply(context, desired, seen);
    return { kind: "applied" };
  }
  const place = { name: metadata.name, namespace: metadata.namespace };
  const live = await objects.get<KubernetesJson>(resourceTypes[kind], place, { signal });
  const ownership = live && ownershipOf(live, agent, renderVersion);
  if (ownership === "foreign") return { kind: "conflict" };
  if (ownership === "leaving") return { kind: "leaving", again: leavingMilliseconds };
  if (ownership === "newer") return { kind: "unchanged" };
  if (applied && sameDesire) return putBack(context, desired, live);
  await apply(context, desired, live && { uid: live.metadata?.uid ?? "" });
  return { kind: "applied" };
}

/**
 * What an Agent's status says of its objects, so that the next operator knows without a request that nobody has changed
 * them.
 *
 * @module
 */
import { createHash } from "node:crypto";
import type { Agent, AgentStatus } from "#core/agents/agent";
import { type AgentChild, renderChildren } from "#core/agents/children";
import type { SeenChild } from "../see/seen-child.ts";
import { type AgentMemory, type AppliedChild, keyOfKind, shown } from "./memory.ts";

/** A hash of an object as it is to be. */
export const desiredHash = (desired: AgentChild): string =>
  createHash("sha1").update(JSON.stringify(desired)).digest("base64url");

const keyOf = ({ kind, metadata }: AgentChild): string => keyOfKind(kind, metadata.name);

/** A hash of what was applied and of what the API server made of it; undefined if an object was not applied. */
function appliedHash(
  desired: readonly AgentChild[],
  applied: ReadonlyMap<string, Pick<AppliedChild, "desired" | "live">>,
): string | undefined {
  const parts = desired.map((child) => applied.get(keyOf(child)));
  if (parts.some((part) => part === undefined)) return undefined;
  const text = JSON.stringify(parts.map((part) => [part?.desired, part?.live]));
  return createHash("sha1").update(text).digest("base64url");
}

/** A status with the hash of what was applied. */
export function withAppliedHash(agent: Agent, status: AgentStatus, { children }: AgentMemory): AgentStatus {
  const specHash = appliedHash(renderChildren(agent), children);
  return specHash === undefined ? status : { ...status, specHash };
}

/**
 * Fills the memory of an Agent that this process has not reconciled before, if all its objects are as an earlier process
 * left them.
 */
export function recallApplied(agent: Agent, memory: AgentMemory, seen: readonly SeenChild[]): void {
  if (memory.children.size > 0 || agent.status?.specHash === undefined) return;
  const desired = renderChildren(agent);
  const found = new Map<string, AppliedChild>();
  for (const child of desired) {
    const key = keyOf(child);
    const live = seen.find(({ kind, name }) => keyOfKind(kind, name) === key);
    if (live === undefined || live.ownerUid !== memory.uid || live.isLeaving) return;
    const { uid, hash, deployment } = live;
    found.set(key, { uid, desired: desiredHash(child), live: hash, replaced: shown, at: 0, deployment });
  }
  if (appliedHash(desired, found) !== agent.status.specHash) return;
  for (const [key, applied] of found) memory.children.set(key, applied);
}

/**
 * Waits for Agents: until one is ready, and until one is gone with its pods.
 *
 * @module
 */
import { setTimeout as pause } from "node:timers/promises";
import type { ObjectPlace, Objects } from "#cells/kubernetes/api/objects";
import { resourceTypes } from "#cells/kubernetes/api/resource-types";
import type { Agent } from "#core/agents/agent";
import { agentLabel, genusLabel } from "#core/agents/names";
import { clusterFailure } from "./cluster-refusal.ts";
import { type Standing, standingOf } from "./standing.ts";

const lookMilliseconds = 500;

/** The bounds of a wait. */
export interface WaitOptions {
  readonly timeoutMilliseconds: number;
  readonly signal: AbortSignal;
}

/** How to wait for an Agent. */
export interface ReadyOptions extends WaitOptions {
  /** Called with each change of the reason or its message. */
  readonly onChange: (standing: Standing) => void;
  /** Called before each look: where no operator works, the one who waits does. */
  readonly reconcile?: (() => Promise<void>) | undefined;
}

/**
 * Waits until an Agent is ready in the generation that it has.
 *
 * @returns the last standing: `waiting` if the time ran out
 * @throws KgentsError if the cluster stops answering; the signal's reason if it is aborted
 */
export async function waitUntilReady(objects: Objects, { metadata }: Agent, options: ReadyOptions): Promise<Standing> {
  const { timeoutMilliseconds, signal, onChange, reconcile } = options;
  const place = { name: metadata.name, namespace: metadata.namespace };
  const deadline = Date.now() + timeoutMilliseconds;
  let last: Standing | undefined;
  for (;;) {
    const standing = await look(objects, place, metadata, reconcile, signal);
    if (standing.reason !== last?.reason || standing.message !== last.message) onChange(standing);
    last = standing;
    if (standing.state !== "waiting" || Date.now() >= deadline) return standing;
    await pause(Math.min(lookMilliseconds, Math.max(1, deadline - Date.now())), undefined, { signal });
  }
}

async function look(
  objects: Objects,
  place: ObjectPlace,
  { uid, generation = 0 }: Agent["metadata"],
  reconcile: ReadyOptions["reconcile"],
  signal: AbortSignal,
): Promise<Standing> {
  try {
    await reconcile?.();
    const agent = await objects.get<Agent>(resourceTypes.Agent, place, { signal });
    if (agent !== undefined && agent.metadata.uid === uid) return standingOf(agent, generation);
    return { state: "failed", reason: "Deleted", message: "it was deleted" };
  } catch (error) {
    throw clusterFailure(error);
  }
}

/**
 * Waits until an Agent and its pods are gone.
 *
 * @returns the names of what is left; empty if all is gone
 * @throws KgentsError if the cluster stops answering; the signal's reason if it is aborted
 */
export async function waitUntilGone(
  objects: Objects,
  place: ObjectPlace & { readonly namespace: string },
  uid: string | undefined,
  { timeoutMilliseconds, signal }: WaitOptions,
): Promise<string[]> {
  const deadline = Date.now() + timeoutMilliseconds;
  for (;;) {
    const left = await leftOf(objects, place, uid, signal);
    if (left.length === 0 || Date.now() >= deadline) return left;
    await pause(lookMilliseconds, undefined, { signal });
  }
}

async function leftOf(
  objects: Objects,
  { name, namespace }: ObjectPlace & { readonly namespace: string },
  uid: string | undefined,
  signal: AbortSignal,
): Promise<string[]> {
  try {
    const limits = { signal };
    const [agent, pods] = await Promise.all([
      objects.get<Agent>(resourceTypes.Agent, { name, namespace }, limits),
      objects.list(resourceTypes.Pod, { namespace, labelSelector: `${agentLabel}=${name},${genusLabel}`, limits }),
    ]);
    // Another Agent of that name has pods of its own.
    if (agent !== undefined && agent.metadata.uid !== uid) return [];
    return [...(agent === undefined ? [] : [`Agent ${name}`]), ...pods.map(({ metadata }) => `Pod ${metadata?.name}`)];
  } catch (error) {
    throw clusterFailure(error);
  }
}

/**
 * Reconciles Agents without an operator: for `kgents infra apply` where none runs, and for `kgents operator --once`.
 *
 * @module
 */
import { setTimeout as wait } from "node:timers/promises";
import type { ClusterClient } from "#cells/kubernetes/api/cluster-client";
import { createObjects } from "#cells/kubernetes/api/objects";
import { createMemory } from "./reconcile/memory.ts";
import { type Reconciled, reconcile } from "./reconcile/reconcile.ts";
import { createEventRecorder } from "./report/event-recorder.ts";
import { operatorIdentity } from "./run-operator.ts";
import { agentKey } from "./see/agent-key.ts";
import { isolationCheck, type NetworkIsolationPolicy } from "./see/isolation.ts";
import { lookOnce } from "./see/look-once.ts";

/** How to reconcile once. */
export interface ReconcileOnceOptions {
  /** @default required */
  readonly networkIsolation?: NetworkIsolationPolicy;
  readonly signal?: AbortSignal;
  /** Receives what is not worth failing for, such as an event that was not recorded. @default nothing */
  readonly log?: (line: string) => void;
}

/** How long events may take to be sent, in milliseconds. */
const eventMilliseconds = 3000;

/**
 * Reconciles one Agent with the caller's rights: applies the objects that its spec demands, deletes those that it no
 * longer demands, and writes the status. Nothing puts drift back afterwards, and nothing updates the status.
 *
 * @throws ClusterError if the API server does not answer, or refuses for a reason that is not the Agent's
 */
export async function reconcileOnce(
  { namespace, name }: { readonly namespace: string; readonly name: string },
  client: ClusterClient,
  options: ReconcileOnceOptions = {},
): Promise<Reconciled> {
  const { networkIsolation = "required", signal = new AbortController().signal, log = () => {} } = options;
  const objects = createObjects(client);
  const events = createEventRecorder(objects, operatorIdentity(), log);
  const isolation = isolationCheck(objects, networkIsolation);
  const memory = createMemory();
  const look = async (): Promise<Reconciled> => {
    const view = await lookOnce(objects, { namespace, name });
    return reconcile(agentKey(namespace, name), { objects, view, memory, events, isolation }, signal);
  };
  let reconciled = await look();
  // Without a status, it waits for the Deployment's controller, or for an earlier object to go.
  while (reconciled.status === undefined && reconciled.again !== undefined) {
    await wait(reconciled.again, undefined, { signal });
    reconciled = await look();
  }
  await events.close(eventMilliseconds);
  return reconciled;
}

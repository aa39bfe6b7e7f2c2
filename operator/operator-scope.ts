/**
 * One operator of one namespace, or of all: it watches, stands for election, and reconciles as long as it leads.
 *
 * @module
 */
import type { ClusterClient } from "#cells/kubernetes/api/cluster-client";
import { RequestNotSent } from "#cells/kubernetes/api/cluster-error";
import { createObjects, type Objects, type RequestGuards } from "#cells/kubernetes/api/objects";
import { agentNamespace, operatorName } from "#core/agents/names";
import { messageOf } from "#core/text/message-of";
import type { Logger } from "#platform/host/logger";
import { type Election, standForElection } from "./leader/election.ts";
import type { ElectionTimes } from "./leader/lease-record.ts";
import { servedNamespacesAnnotation } from "./leader/operator-status.ts";
import { jittered } from "./queue/jitter.ts";
import { createWorkQueue, type QueueState, type WorkQueue } from "./queue/work-queue.ts";
import { createMemory } from "./reconcile/memory.ts";
import { type ReconcileContext, reconcile } from "./reconcile/reconcile.ts";
import { createEventRecorder } from "./report/event-recorder.ts";
import type { OperatorMetrics } from "./report/metrics.ts";
import type { RolloutRecorder } from "./report/rollout-recorder.ts";
import { type WatchedView, watchCluster } from "./see/cluster-view.ts";
import { isolationCheck, type NetworkIsolationPolicy } from "./see/isolation.ts";

/** What an operator of one scope needs. */
export interface ScopeSettings {
  readonly client: ClusterClient;
  /** @default all namespaces; the Lease is then in the namespace `kgents-agents` */
  readonly namespace: string | undefined;
  /** The name of this process in the Lease. */
  readonly identity: string;
  readonly networkIsolation: NetworkIsolationPolicy;
  /** Limits the rate of writes. */
  readonly admit: NonNullable<RequestGuards["admit"]>;
  readonly log: Logger;
  readonly metrics: Pick<OperatorMetrics, "reconciled">;
  readonly rollouts?: RolloutRecorder | undefined;
  readonly times?: ElectionTimes | undefined;
}

/** An operator of one scope. */
export interface OperatorScope {
  readonly queue: () => QueueState;
  readonly isLeader: () => boolean;
  /** What cannot be listed or watched now. */
  readonly failing: () => readonly string[];
  /** Why this operator neither leads nor could take over; undefined if all is well. */
  readonly unready: () => string | undefined;
  /** Ends the reconciles that are under way, and releases the Lease. */
  readonly close: () => Promise<void>;
}

/** How often each Agent is looked at, even if nothing changes, in milliseconds. */
const resyncMilliseconds = 600_000;
/** How long reconciles that are under way may take when the operator ends, in milliseconds. */
const drainMilliseconds = 1000;

/** The queue of one term as leader. */
function startQueue(settings: ScopeSettings, context: ReconcileContext): WorkQueue {
  const { log, metrics } = settings;
  return createWorkQueue({
    process: async (key, signal) => {
      const from = performance.now();
      const { outcome, again } = await reconcile(key, context, signal);
      metrics.reconciled(outcome, (performance.now() - from) / 1000);
      if (outcome !== "unchanged") log.debug({ agent: key, outcome }, "reconciled");
      return outcome === "gone" ? {} : { again: again ?? jittered(resyncMilliseconds) };
    },
    onFailure: (agent, error, pause) => {
      // Another operator leads, and does it.
      if (error instanceof RequestNotSent) return;
      metrics.reconciled("failed", 0);
      log.warn({ agent, again: pause / 1000, error: messageOf(error) }, "an Agent could not be reconciled");
    },
  });
}

/** Why an operator cannot do its work. */
function unreadyOf(view: WatchedView, election: Election): string | undefined {
  if (!view.isComplete()) return `not everything is listed yet${view.failing().map((name) => `; ${name} cannot be`)}`;
  const failing = view.failing();
  if (failing.length > 0) return `cannot be watched: ${failing.join(", ")}`;
  return election.isFailing() ? "the Lease cannot be taken or renewed" : undefined;
}

/** Starts an operator of one scope. Never rejects: what fails is tried again until it is closed. */
export function startScope(settings: ScopeSettings): OperatorScope {
  const { client, namespace, identity, networkIsolation, admit, log, rollouts, times } = settings;
  const view = watchCluster(client, namespace, (line) => log.warn(line));
  let queue: WorkQueue | undefined;
  view.onChange((key, source) => queue?.add(key, source === "list" ? "low" : "high"));

  const permit = (): void => {
    if (!election.isLeader()) throw new RequestNotSent("this operator does not lead any more");
  };
  const objects: Objects = createObjects(client, { admit, permit });
  const lead = async (term: AbortSignal): Promise<void> => {
    log.info({ namespace, identity }, "this operator leads");
    await view.complete(term);
    const events = createEventRecorder(createObjects(client, { permit }), identity, (line) => log.warn(line));
    const isolation = isolationCheck(objects, networkIsolation);
    const own = startQueue(settings, { objects, view, memory: createMemory(), events, rollouts, isolation });
    if (!term.aborted) queue = own;
    for (const key of view.keys()) queue?.add(key, "low");
    if (!term.aborted) await new Promise((resolve) => term.addEventListener("abort", resolve, { once: true }));
    queue = undefined;
    // A leader that ends in order still holds the Lease. One that lost it aborts its requests.
    await own.close(election.isLeader() ? drainMilliseconds : 0);
    await events.close(election.isLeader() ? drainMilliseconds : 0);
  };
  const election: Election = standForElection({
    name: operatorName,
    namespace: namespace ?? agentNamespace,
    identity,
    annotations: { [servedNamespacesAnnotation]: namespace ?? "*" },
    access: (before) => createObjects(client, { permit: before }),
    lead,
    onHolder: (holder) => {
      if (holder !== undefined && holder !== identity) log.info({ namespace, holder }, "another operator leads");
    },
    log: (line) => log.warn({ namespace }, line),
    ...(times && { times }),
  });

  return {
    queue: () => queue?.state() ?? { depth: 0, age: 0, active: 0 },
    isLeader: election.isLeader,
    failing: view.failing,
    unready: () => unreadyOf(view, election),
    close: async () => {
      await election.close();
      await view.close();
    },
  };
}

/**
 * The operator: one scope for each namespace, or one for all.
 *
 * @module
 */
import { randomUUID } from "node:crypto";
import { hostname } from "node:os";
import type { ClusterClient } from "#cells/kubernetes/api/cluster-client";
import type { Logger } from "#platform/host/logger";
import type { ElectionTimes } from "./leader/lease-record.ts";
import { startScope } from "./operator-scope.ts";
import { createRateLimit } from "./queue/rate-limit.ts";
import type { OperatorMetrics } from "./report/metrics.ts";
import type { RolloutRecorder } from "./report/rollout-recorder.ts";
import type { NetworkIsolationPolicy } from "./see/isolation.ts";

/** What an operator needs. */
export interface OperatorSettings {
  readonly client: ClusterClient;
  /** The namespaces whose Agents it reconciles. @default all */
  readonly namespaces: readonly string[] | undefined;
  readonly networkIsolation: NetworkIsolationPolicy;
  readonly log: Logger;
  readonly metrics: OperatorMetrics;
  /** @default rollouts are not recorded */
  readonly rollouts?: RolloutRecorder | undefined;
  /** @default those of client-go */
  readonly times?: ElectionTimes | undefined;
}

/** A running operator. */
export interface RunningOperator {
  /** Its name in the Lease. */
  readonly identity: string;
  /** Whether it leads in all its namespaces. */
  readonly isLeader: () => boolean;
  /** Why it is not ready; undefined if it leads or could take over. */
  readonly unready: () => string | undefined;
  /** Ends what is under way, releases the Leases, and stops. */
  readonly close: () => Promise<void>;
}

/** Writes in a second, on average and after a calm. */
const rate = { perSecond: 100, burst: 50 } as const;

/** The name of a process: in a pod its host is the pod. */
export const operatorIdentity = (): string => `${hostname()}_${randomUUID().slice(0, 8)}`;

/** Starts an operator. What fails is tried again until it is closed. */
export function startOperator(settings: OperatorSettings): RunningOperator {
  const { namespaces, metrics, rollouts, ...shared } = settings;
  const identity = operatorIdentity();
  const admit = createRateLimit(rate.perSecond, rate.burst);
  const scopes = (namespaces ?? [undefined]).map((namespace) =>
    startScope({ ...shared, namespace, identity, admit, metrics, rollouts }),
  );
  metrics.read({
    queues: () => scopes.map(({ queue }) => queue()),
    leads: () => scopes.map(({ isLeader }) => isLeader()),
    failing: () => scopes.flatMap(({ failing }) => failing()).length,
  });
  return {
    identity,
    isLeader: () => scopes.every(({ isLeader }) => isLeader()),
    unready: () => scopes.map(({ unready }) => unready()).find((why) => why !== undefined),
    close: async () => {
      await Promise.all(scopes.map(({ close }) => close()));
      await rollouts?.close();
    },
  };
}

/**
 * Which operator leads, by the Lease in the cluster: for `kgents infra status` and for `kgents infra apply`.
 *
 * @module
 */
import { ClusterError } from "#cells/kubernetes/api/cluster-error";
import type { Objects } from "#cells/kubernetes/api/objects";
import { resourceTypes } from "#cells/kubernetes/api/resource-types";
import { agentNamespace, operatorName } from "#core/agents/names";
import { holderOf, type Lease } from "./lease-record.ts";

/** The annotation of the Lease with the namespace that its operator serves; `*` for all. */
export const servedNamespacesAnnotation = "kgents.io/serves";

/** The operator of a namespace. */
export interface OperatorStatus {
  /** The process that leads, or led last; undefined if none does. */
  readonly leader: string | undefined;
  /** Whether the leader renewed its Lease in time. By this machine's clock: it may differ from the leader's. */
  readonly isLive: boolean;
  /** When the Lease was last renewed: ISO 8601. */
  readonly renewedAt: string | undefined;
  /** Since when this process has led: ISO 8601. */
  readonly since: string | undefined;
}

const none: OperatorStatus = { leader: undefined, isLive: false, renewedAt: undefined, since: undefined };

/** Clocks of two machines may differ by this much, in milliseconds. */
const clockTolerance = 5000;

/** What a Lease says. */
export function statusOfLease(lease: Lease | undefined, now: number): OperatorStatus {
  const { renewTime, acquireTime, leaseDurationSeconds = 0 } = lease?.spec ?? {};
  const leader = lease && holderOf(lease);
  if (leader === undefined) return { ...none, renewedAt: renewTime };
  const until = Date.parse(renewTime ?? "") + leaseDurationSeconds * 1000 + clockTolerance;
  return { leader, isLive: now <= until, renewedAt: renewTime, since: acquireTime };
}

/**
 * Looks for the operator of a namespace: its own, or one of all namespaces.
 *
 * @throws ClusterError
 */
export async function operatorStatus(objects: Pick<Objects, "get">, namespace: string): Promise<OperatorStatus> {
  const read = (place: string) => objects.get<Lease>(resourceTypes.Lease, { name: operatorName, namespace: place });
  const own = statusOfLease(await read(namespace), Date.now());
  if (own.isLive || namespace === agentNamespace) return own;
  // An operator of all namespaces goes unseen where this account may not look for it: both then do the same work.
  const shared = await read(agentNamespace).catch((error: unknown) => {
    if (error instanceof ClusterError && error.status === 403) return undefined;
    throw error;
  });
  if (shared?.metadata?.annotations?.[servedNamespacesAnnotation] !== "*") return own;
  const status = statusOfLease(shared, Date.now());
  return status.isLive ? status : own;
}

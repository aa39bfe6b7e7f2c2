/**
 * The Lease by which operators agree on one leader, and the decision of one look at it. The rules are those of
 * client-go: only local clocks count, and a Lease is free if nobody has renewed it for its duration.
 *
 * @module
 */
import type { KubernetesJson } from "#cells/kubernetes/api/kubernetes-json";
import { resourceTypes } from "#cells/kubernetes/api/resource-types";

/** A Lease of the API group coordination.k8s.io. */
export interface Lease extends KubernetesJson {
  readonly spec?: {
    readonly holderIdentity?: string;
    readonly leaseDurationSeconds?: number;
    /** ISO 8601 with microseconds. */
    readonly acquireTime?: string;
    readonly renewTime?: string;
    readonly leaseTransitions?: number;
  };
}

/** The times of an election, in milliseconds. */
export interface ElectionTimes {
  /** How long the Lease is valid after the leader renewed it. @default 15000 */
  readonly lease: number;
  /** How long a leader that cannot renew the Lease goes on. Less than `lease`. @default 10000 */
  readonly renewDeadline: number;
  /** The pause between two renewals. @default 2000 */
  readonly renewal: number;
  /** The pause between two looks of a process that stands by. @default 1000 */
  readonly look: number;
}

/** The times of client-go, but for the shorter look: it hands over faster. */
export const electionTimes: ElectionTimes = { lease: 15_000, renewDeadline: 10_000, renewal: 2000, look: 1000 };

/** A Lease as one process saw it. */
export interface ObservedLease {
  readonly lease: Lease;
  /** When this process first saw this version of it, by its own clock, in milliseconds. */
  readonly at: number;
}

/** The Lease after another look. Its time only changes when the Lease does. */
export function observe(before: ObservedLease | undefined, lease: Lease, now: number): ObservedLease {
  const same = before?.lease.metadata?.resourceVersion === lease.metadata?.resourceVersion;
  return before && same ? { lease, at: before.at } : { lease, at: now };
}

/** The process that holds a Lease; undefined if it was released. */
export const holderOf = ({ spec }: Lease): string | undefined => spec?.holderIdentity || undefined;

/** Whether a process may take or renew the Lease that it observed. */
export function mayHold({ lease, at }: ObservedLease, identity: string, now: number): boolean {
  const holder = holderOf(lease);
  if (holder === undefined || holder === identity) return true;
  return now >= at + (lease.spec?.leaseDurationSeconds ?? 0) * 1000;
}

/** Kubernetes' MicroTime requires six decimals. */
const microTime = (date: Date): string => date.toISOString().replace("Z", "000Z");

/** What the Lease is and who may serve it. */
export interface LeaseIdentity {
  readonly name: string;
  readonly namespace: string;
  /** The name of this process in the Lease. */
  readonly identity: string;
  /** Annotations of the Lease. */
  readonly annotations?: Readonly<Record<string, string>>;
}

/** The Lease with this process as its holder. */
export function heldLease(
  { name, namespace, identity, annotations }: LeaseIdentity,
  before: Lease | undefined,
  seconds: number,
  now: Date,
): Lease {
  const spec = before?.spec ?? {};
  const renews = holderOf(before ?? {}) === identity;
  const transitions = spec.leaseTransitions ?? 0;
  const at = microTime(now);
  const { apiVersion, kind } = resourceTypes.Lease;
  return {
    apiVersion,
    kind,
    metadata: {
      name,
      namespace,
      ...before?.metadata,
      annotations: { ...before?.metadata?.annotations, ...annotations },
    },
    spec: {
      ...spec,
      holderIdentity: identity,
      leaseDurationSeconds: seconds,
      acquireTime: renews ? (spec.acquireTime ?? at) : at,
      renewTime: at,
      leaseTransitions: renews || before === undefined ? transitions : transitions + 1,
    },
  };
}

/** The Lease without a holder: the next process takes it at its next look. */
export const releasedLease = (held: Lease, now: Date): Lease => ({
  ...held,
  spec: { ...held.spec, holderIdentity: "", leaseDurationSeconds: 1, renewTime: microTime(now) },
});

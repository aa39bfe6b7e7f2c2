/**
 * Whether an operator works on the Agents of a namespace, as its Lease says.
 *
 * @module
 */
import { setTimeout as wait } from "node:timers/promises";
import type { Objects } from "#cells/kubernetes/api/objects";
import { resourceTypes } from "#cells/kubernetes/api/resource-types";
import { operatorName } from "#core/agents/names";
import { holderOf, type Lease } from "#operator/leader/lease-record";

/** The state of the operator. */
export interface OperatorState {
  /** Whether a leader renews its Lease. */
  readonly isLive: boolean;
  /** The leader, also one that is gone; undefined if there was none, or it ended in order. */
  readonly leader: string | undefined;
  /** When the Lease was last renewed, by the leader's clock: ISO 8601. */
  readonly renewedAt: string | undefined;
}

/** A leader renews its Lease each two seconds. */
const secondLookMilliseconds = 4500;

/**
 * Reads the Lease of the operator. A Lease that looks old is read twice: clocks differ, but a live leader changes it.
 *
 * @param namespace where the Agents are
 */
export async function operatorState(objects: Objects, namespace: string, signal?: AbortSignal): Promise<OperatorState> {
  const read = (): Promise<Lease | undefined> =>
    objects.get<Lease>(resourceTypes.Lease, { name: operatorName, namespace });
  const lease = await read();
  const leader = lease && holderOf(lease);
  const { renewTime: renewedAt, leaseDurationSeconds = 15 } = lease?.spec ?? {};
  if (leader === undefined) return { isLive: false, leader, renewedAt };
  const age = Date.now() - Date.parse(renewedAt ?? "");
  if (age >= 0 && age < leaseDurationSeconds * 1000) return { isLive: true, leader, renewedAt };
  await wait(secondLookMilliseconds, undefined, signal ? { signal } : {});
  const second = await read();
  const isRenewed = second?.metadata?.resourceVersion !== lease?.metadata?.resourceVersion;
  const isLive = second !== undefined && holderOf(second) !== undefined && isRenewed;
  return { isLive, leader, renewedAt: second?.spec?.renewTime ?? renewedAt };
}

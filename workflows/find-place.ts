/**
 * Where a run gets its cell: on the nearest worker, or after a wait in one of Temporal's queues, or on the other backend.
 *
 * @module
 */
import { type ApplicationFailure, log, sleep } from "@temporalio/workflow";
import type { ProvisionedCell, ProvisionInput, Restarted } from "#activities/contract";
import type { BackendName } from "#core/contract/result";
import { oneLine } from "#core/text/code-excerpt";
import { failureOf, isKind } from "./failure.ts";
import { provisioning } from "./phases.ts";
import { mayFallBack } from "./raw-request.ts";

/** How often a run is sent on from one queue of those that wait to the other: as the cluster goes and comes back. */
const maximumQueues = 100;
/** For how long a run may go back to the queue because the cluster had no room for its pod after all. */
const refusalsMilliseconds = 86_400_000;
const pauses = { first: 1000, longest: 300_000 } as const;

/** Provisions where there is a place: in the cluster or, where it is away and that is allowed, in the sandbox. */
export async function provisionWithFallback(input: ProvisionInput): Promise<ProvisionedCell | Restarted> {
  const { request } = input;
  try {
    return await provisionAnywhere(input);
  } catch (error) {
    if (!isKind(error, "cluster-unavailable") || !mayFallBack(request)) throw error;
    const fallback = { from: "kubernetes" satisfies BackendName, reason: error.cause.message } as const;
    log.info("falling back to the sandbox", fallback);
    return await provisionAnywhere({ ...input, fallback });
  }
}

/** Provisions on the first worker that has a place. Where the nearest one has none, or the cluster, the crowd waits in Temporal's queues. */
async function provisionAnywhere(input: ProvisionInput): Promise<ProvisionedCell | Restarted> {
  const { request } = input;
  let answer = await provisioning(request).provision(input);
  for (let queues = 0; "full" in answer; queues += 1) {
    if (queues >= maximumQueues) throw failureOf("internal", "a worker that was to wait for a place did not");
    const inCluster = answer.cluster !== undefined;
    answer = await provisioning(request, answer).provision({ ...input, wait: true, ...(inCluster && { inCluster }) });
  }
  return answer;
}

/**
 * Makes the pause of a run before it asks for room again, since the cluster refused its pod where there seemed to be some: another
 * worker was quicker, or a quota cannot be read. The first passes soon; for the second a cell is made in vain now and then.
 *
 * @throws ApplicationFailure `quota-exceeded` a day after the first of them
 */
export function refusalPauses(): (full: string) => Promise<void> {
  let milliseconds: number = pauses.first;
  let since: number | undefined;
  return async (full) => {
    since ??= Date.now();
    if (Date.now() - since > refusalsMilliseconds) throw noRoomFor(full);
    await sleep(milliseconds, { summary: `wait before the cluster is asked for room again: ${oneLine(full, 100)}` });
    milliseconds = Math.min(2 * milliseconds, pauses.longest);
  };
}

/** The failure of a run for whose pod the cluster had no room. */
export const noRoomFor = (full: string): ApplicationFailure =>
  failureOf("quota-exceeded", `the cluster had no room for the cell's pod: ${full}`);

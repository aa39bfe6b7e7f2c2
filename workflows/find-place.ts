/**
 * Provisions the cell of a run: on the nearest worker, after a wait in one of the waiting task queues, or on the other
 * backend.
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

/**
 * The maximum number of moves between the waiting queues. A run moves when the cluster becomes unavailable or available
 * again.
 */
const maximumQueues = 100;
/** How long a run may return to the queue after the cluster refused its pod, in milliseconds. */
const refusalsMilliseconds = 86_400_000;
const pauses = { first: 1000, longest: 300_000 } as const;

/**
 * Provisions on the requested backend. Falls back to the sandbox if the cluster is unavailable and the request allows
 * it.
 */
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

/**
 * Provisions on the first worker with a free slot. If the nearest worker or the cluster is full, the run waits in a
 * waiting task queue.
 */
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
 * Creates the backoff of a run whose pod the cluster refused although there seemed to be room: another worker took the
 * room first, or a quota cannot be read. The backoff starts short, because the first case resolves soon. It grows,
 * because in the second case each attempt creates a cell in vain.
 *
 * @throws ApplicationFailure `quota-exceeded` a day after the first refusal
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

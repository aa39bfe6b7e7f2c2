import { createHash } from "node:crypto";
import type { Priority } from "@temporalio/common";
import { KgentsError } from "#core/contract/error";

/** The maximum length of Temporal's fairness keys, in bytes. */
const maximumKey = 64;

/** The requester as a fairness key. A longer one is shortened and made unique by a hash. */
function fairnessKey(requester: string): string {
  if (Buffer.byteLength(requester) <= maximumKey) return requester;
  return `${requester.slice(0, 47)}#${createHash("sha256").update(requester).digest("hex").slice(0, 16)}`;
}

/**
 * The order of waiting runs: by priority, then round-robin between requesters.
 *
 * @throws KgentsError `invalid-request`
 */
export function priorityOf(priority: number | undefined, requester: string | undefined): Priority {
  if (priority !== undefined && !(Number.isInteger(priority) && priority >= 1 && priority <= 5)) {
    throw new KgentsError(
      "invalid-request",
      `priority: got ${JSON.stringify(priority)}; allowed is a whole number from 1 (first) to 5 (last)`,
      { field: "priority" },
    );
  }
  return {
    ...(priority === undefined ? {} : { priorityKey: priority }),
    ...(requester === undefined ? {} : { fairnessKey: fairnessKey(requester) }),
  };
}

import { createHash } from "node:crypto";
import type { Priority } from "@temporalio/common";
import { KgentsError } from "#core/contract/error";

/** What Temporal's fairness keys may have, in bytes. */
const maximumKey = 64;

/** Who asks, as a fairness key: what is longer than one may be is shortened, and told apart by a hash. */
function fairnessKey(requester: string): string {
  if (Buffer.byteLength(requester) <= maximumKey) return requester;
  return `${requester.slice(0, 47)}#${createHash("sha256").update(requester).digest("hex").slice(0, 16)}`;
}

/**
 * In which order runs that wait are taken: by priority, and among equals by turns between those who ask.
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

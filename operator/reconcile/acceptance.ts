import { ClusterError, toRunFailure } from "#cells/kubernetes/api/cluster-error";
import { type Acceptance, accepted } from "#core/agents/agent-status";
import type { ChildReport } from "./apply-children.ts";

/** An Agent whose objects have names that are taken is not accepted. */
export function acceptanceOf(reports: readonly ChildReport[]): Acceptance {
  const taken = reports
    .filter(({ outcome }) => outcome.kind === "conflict")
    .map(({ kind, name }) => `${kind} ${name}`)
    .join(", ");
  if (taken === "") return accepted;
  return {
    reason: "NameConflict",
    message: `exists and belongs to somebody else: ${taken}; remove it, or name the Agent differently`,
  };
}

/** The acceptance of an Agent that the API server refuses; undefined if the Agent is not the reason for the error. */
export function refusedAcceptance(error: unknown): Acceptance | undefined {
  if (!(error instanceof ClusterError)) return undefined;
  const { code } = toRunFailure(error);
  if (code !== "admission-denied" && code !== "quota-exceeded") return undefined;
  return { reason: "InvalidConfig", message: `the API server refused ${error.what}: ${error.message}` };
}

/**
 * What an Agent's status means for somebody who waits for it.
 *
 * @module
 */
import type { Agent } from "#core/agents/agent";

/** How far an Agent is. */
export interface Standing {
  readonly state: "ready" | "waiting" | "failed";
  /** A word, such as `ImagePull`. */
  readonly reason: string;
  readonly message: string;
}

/** Reasons of `Ready` after which the operator does not expect it any more. */
const finalReasons = ["ProgressDeadlineExceeded"];

/**
 * Judges an Agent.
 *
 * @param generation the generation that is waited for
 */
export function standingOf({ metadata, status = {} }: Agent, generation: number): Standing {
  const current = metadata.generation ?? 0;
  if (metadata.deletionTimestamp !== undefined) {
    return { state: "failed", reason: "Terminating", message: "it is being deleted" };
  }
  if (current > generation) {
    const message = `somebody changed it meanwhile: generation ${current} instead of ${generation}`;
    return { state: "failed", reason: "Superseded", message };
  }
  const conditionOf = (type: string) =>
    status.conditions?.find(
      (condition) => condition.type === type && (condition.observedGeneration ?? 0) >= generation,
    );
  const accepted = conditionOf("Accepted");
  if (accepted?.status === "False") return { state: "failed", reason: accepted.reason, message: accepted.message };
  const ready = conditionOf("Ready");
  if ((status.observedGeneration ?? 0) < generation || ready === undefined) {
    return { state: "waiting", reason: "NotObserved", message: "no operator has looked at this generation yet" };
  }
  const { reason, message } = ready;
  if (ready.status === "True") return { state: "ready", reason, message };
  return { state: finalReasons.includes(reason) ? "failed" : "waiting", reason, message };
}

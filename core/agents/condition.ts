/**
 * Conditions by the conventions of the Kubernetes API.
 *
 * @module
 */
import type { AgentCondition } from "./agent-status-schema.ts";

/** A condition without the time of its last transition. */
export type NextCondition = Omit<AgentCondition, "lastTransitionTime">;

/** What the schema of the status admits. */
const longestMessage = 32_768;

/**
 * Sets conditions. `lastTransitionTime` changes only where `status` does, so that a status that is the same as before
 * is equal to it. Conditions of other types are kept.
 */
export function setConditions(
  previous: readonly AgentCondition[],
  next: readonly NextCondition[],
  now: Date,
): AgentCondition[] {
  const others = previous.filter(({ type }) => !next.some((one) => one.type === type));
  // The API server stores whole seconds.
  const at = now.toISOString().replace(/\.\d+Z$/, "Z");
  const set = next.map((condition) => {
    const before = previous.find(({ type }) => type === condition.type);
    const lastTransitionTime = before?.status === condition.status ? before.lastTransitionTime : at;
    return { ...condition, message: condition.message.slice(0, longestMessage), lastTransitionTime };
  });
  return [...set, ...others];
}

/** A condition whose status or reason is not what it was, and what it was. */
export interface Transition {
  readonly from: AgentCondition | undefined;
  readonly to: AgentCondition;
}

/** The conditions that differ in status or reason. Each of them is worth an event. */
export const transitionsBetween = (
  previous: readonly AgentCondition[],
  next: readonly AgentCondition[],
): readonly Transition[] =>
  next
    .map((to) => ({ from: previous.find(({ type }) => type === to.type), to }))
    .filter(({ from, to }) => from?.status !== to.status || from.reason !== to.reason);

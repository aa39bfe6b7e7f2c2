/**
 * The events of a reconcile.
 *
 * @module
 */
import type { AgentStatus } from "#core/agents/agent";
import { type Transition, transitionsBetween } from "#core/agents/condition";
import type { AgentEvent } from "../report/event-recorder.ts";
import type { ChildReport } from "./apply-children.ts";
import type { Drift } from "./drift.ts";

/** Fields that an event names; the number of the others is said. */
const mostFields = 3;

/** Who changed which fields: `kubectl-edit changed .spec.replicas`. */
function driftInWords(drift: readonly Drift[]): string {
  if (drift.length === 0) return "somebody changed it";
  return Object.entries(Object.groupBy(drift, ({ manager }) => manager))
    .map(([manager, changes = []]) => {
      const fields = changes.map(({ field }) => field).filter((field) => field !== "");
      const more = fields.length > mostFields ? ` and ${fields.length - mostFields} more` : "";
      const named = fields.slice(0, mostFields).join(", ") || "it";
      return `${manager || "an unknown manager"} changed ${named}${more}`;
    })
    .join("; ");
}

/** The events of objects that were put back. */
export function driftEvents(reports: readonly ChildReport[]): readonly AgentEvent[] {
  return reports.flatMap(({ kind, name, outcome }): AgentEvent[] => {
    if (outcome.kind !== "reverted") return [];
    const { drift, deleted, fight } = outcome;
    const what = deleted ? "it was deleted" : driftInWords(drift);
    const done = deleted ? "created again" : "put back";
    const reverted: AgentEvent = {
      type: "Warning",
      reason: "DriftReverted",
      action: "Apply",
      note: `${kind} ${name}: ${what}; ${done}`,
    };
    if (!fight) return [reverted];
    const note = `${kind} ${name}: ${what} again and again; it is left alone for a while`;
    return [reverted, { type: "Warning", reason: "DriftFight", action: "Apply", note }];
  });
}

/** The first `Accepted` and each step of a rollout are no news. */
const isNews = ({ from, to }: Transition): boolean =>
  to.type !== "Progressing" && !(to.type === "Accepted" && to.status === "True" && from === undefined);

/** The events of conditions that changed. */
export const transitionEvents = (before: AgentStatus | undefined, after: AgentStatus): readonly AgentEvent[] =>
  transitionsBetween(before?.conditions ?? [], after.conditions ?? [])
    .filter(isNews)
    .map(({ to }) => ({
      type: to.status === "True" || to.reason === "Progressing" ? "Normal" : "Warning",
      reason: to.reason,
      action: "Reconcile",
      note: to.message,
    }));

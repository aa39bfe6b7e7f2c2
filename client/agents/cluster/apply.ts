/**
 * Applies Agents to a cluster by server-side apply, as the field manager `kgents`.
 *
 * @module
 */
import { type ClusterError, fieldConflicts } from "#cells/kubernetes/api/cluster-error";
import type { Objects } from "#cells/kubernetes/api/objects";
import { resourceTypes } from "#cells/kubernetes/api/resource-types";
import type { Agent } from "#core/agents/agent";
import { fieldManagers } from "#core/agents/names";
import type { WrittenAgent } from "../specs/spec-file.ts";
import type { SpecMistake } from "../specs/spec-mistake.ts";
import { readApiField } from "./api-field.ts";
import { refusalOf } from "./cluster-refusal.ts";

/** An Agent that the server accepted. */
export interface AppliedAgent {
  readonly kind: "applied";
  /** As the server has it now; in a dry run as it would have it. */
  readonly agent: Agent;
  /** As the server had it before. */
  readonly before: Agent | undefined;
  readonly action: "created" | "changed" | "unchanged";
  readonly warnings: readonly string[];
}

/** An Agent that the server refused, with the places of what it refused. */
export interface RefusedAgent {
  readonly kind: "refused";
  /** Whether other field managers own some of the fields. */
  readonly isConflict: boolean;
  readonly mistakes: readonly SpecMistake[];
}

/** How to apply. */
export interface ApplyOptions {
  /** Takes fields over that other managers own. */
  readonly force: boolean;
  /** Writes nothing. */
  readonly dryRun: boolean;
}

const place = ({ agent: { metadata } }: WrittenAgent) => ({ name: metadata.name, namespace: metadata.namespace });

/** The mistakes of a refusal: one for each field that the server names, or the refusal as a whole. */
function mistakesOf(written: WrittenAgent, error: ClusterError): SpecMistake[] {
  const at = (field: string) => ({ file: written.file, ...written.placeOf(readApiField(field)) });
  const conflicts = fieldConflicts(error).map(({ field, manager }) => ({
    ...at(field),
    field: field.replace(/^\./, ""),
    message: `is set by the field manager ${JSON.stringify(manager)}`,
  }));
  if (conflicts.length > 0) return conflicts;
  const causes = error.causes
    // The server writes `<nil>` for rules that it did not check because of other mistakes.
    .filter(({ field }) => field !== "" && field !== "<nil>")
    .map(({ field, message }) => ({ ...at(field), field: field.replace(/^\./, ""), message }));
  if (causes.length > 0) return causes;
  return [{ ...at(".metadata.name"), field: "", message: error.message }];
}

/**
 * Applies an Agent.
 *
 * @throws KgentsError if the cluster does not answer, does not know Agents, or forbids it
 */
export async function applyAgent(
  objects: Objects,
  written: WrittenAgent,
  { force, dryRun }: ApplyOptions,
): Promise<AppliedAgent | RefusedAgent> {
  try {
    const before = await objects.get<Agent>(resourceTypes.Agent, place(written));
    const { object, warnings } = await objects.apply(written.agent as Agent, {
      fieldManager: fieldManagers.user,
      force,
      dryRun,
    });
    return { kind: "applied", agent: object, before, action: actionOf(before, object), warnings };
  } catch (error) {
    const refusal = refusalOf(error);
    return {
      kind: "refused",
      isConflict: fieldConflicts(refusal).length > 0,
      mistakes: mistakesOf(written, refusal),
    };
  }
}

function actionOf(before: Agent | undefined, after: Agent): AppliedAgent["action"] {
  if (before === undefined || before.metadata.uid !== after.metadata.uid) return "created";
  const content = ({ metadata: { labels, annotations }, spec }: Agent): string =>
    JSON.stringify([labels ?? {}, annotations ?? {}, spec]);
  return content(before) === content(after) ? "unchanged" : "changed";
}

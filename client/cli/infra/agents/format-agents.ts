import type { AppliedAgent, RefusedAgent } from "../../../agents/cluster/apply.ts";
import { objectText } from "../../../agents/cluster/object-text.ts";
import type { PreviewedObject } from "../../../agents/cluster/preview.ts";
import type { Standing } from "../../../agents/cluster/standing.ts";
import type { WrittenAgent } from "../../../agents/specs/spec-file.ts";
import { mistakeInWords } from "../../../agents/specs/spec-mistake.ts";

/** The name of an Agent in messages. */
export const titleOf = ({ metadata: { namespace, name } }: WrittenAgent["agent"]): string =>
  `Agent ${namespace}/${name}`;

const conflictRemedy = "Remove the fields from the file, or take them over with --force-conflicts.";

/** What the server answered to an apply. */
export function answerInWords({ agent }: WrittenAgent, answer: AppliedAgent | RefusedAgent, dryRun: boolean): string {
  const title = titleOf(agent);
  if (answer.kind === "applied") return `${title}: ${dryRun ? "would be " : ""}${answer.action}`;
  const lines = answer.mistakes.map(mistakeInWords);
  return [`${title}: refused`, ...lines, ...(answer.isConflict ? [conflictRemedy] : [])].join("\n");
}

function actionOn(before: PreviewedObject["before"], after: PreviewedObject["after"]): string {
  if (before === undefined) return "created";
  if (after === undefined) return "removed";
  return objectText(before) === objectText(after) ? "unchanged" : "changed";
}

/** What would become of an object. */
export function previewInWords({ kind, name, before, after, refused, warnings }: PreviewedObject): string {
  const title = `${kind} ${name}`;
  const more = warnings.map((warning) => `Warning: ${warning}`);
  if (refused !== undefined) return [`${title}: would be refused: ${refused}`, ...more].join("\n");
  return [`${title}: would be ${actionOn(before, after)}`, ...more].join("\n");
}

/** How far an Agent is. */
export const standingInWords = (title: string, { state, reason, message }: Standing): string =>
  `${title}: ${state === "ready" ? "ready" : reason}${message === "" ? "" : `: ${message}`}`;

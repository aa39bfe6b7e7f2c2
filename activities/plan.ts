import { createHash } from "node:crypto";
import { Context } from "@temporalio/activity";
import { applyPolicy } from "../core/configuration.ts";
import { findLanguage } from "../core/language.ts";
import { parseRequest } from "../core/parse-request.ts";
import { refuse } from "../core/refusal.ts";
import type { CellPlan } from "./backends/backend.ts";
import type { ActivityDependencies } from "./dependencies.ts";
import { runKey } from "./store/references.ts";

/** The run that an activity belongs to. */
export interface Run {
  readonly workflowId: string;
  readonly runId: string;
  /** Its folder in the store. */
  readonly key: string;
}

/** Reads from the activity's context which run this is. */
export function currentRun(): Run {
  const { workflowExecution } = Context.current().info;
  if (!workflowExecution) throw new Error("this activity must be started by a workflow");
  const { workflowId, runId } = workflowExecution;
  return { workflowId, runId, key: runKey(workflowId, runId) };
}

/**
 * The cell of one start of the code: its id derives from the run and the number of the start, so that every attempt of
 * every activity means the same cell.
 */
export const cellIdOf = (run: Run, attempt: number): string =>
  `kgents-${createHash("sha256").update(`${run.key}/${attempt}`).digest("hex").slice(0, 20)}`;

/** Checks a request against the bounds, the languages and this worker's policy. */
export function planCell(
  dependencies: ActivityDependencies,
  request: unknown,
  cellId: string,
  { workflowId, runId }: Run,
): CellPlan {
  const spec = parseRequest(request);
  const language = findLanguage(dependencies.languages, spec.language);
  applyPolicy(spec, dependencies.policy);
  if (spec.code !== undefined && spec.files.some(({ name }) => name === language.fileName)) {
    throw refuse(
      "invalid-request",
      "files",
      JSON.stringify(language.fileName),
      "a name that the code itself does not have",
    );
  }
  return { cellId, spec, language, owner: { workflowId, runId } };
}

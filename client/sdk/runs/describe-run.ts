import { KgentsError } from "#core/contract/error";
import { executeCodeWorkflow } from "#core/contract/names";
import { closest } from "#core/text/closest";
import { toKgentsError } from "../failure.ts";
import { isNotFound } from "../temporal/problem.ts";
import type { RunDescription, RunService } from "../temporal/run-service.ts";

/** How many of the latest runs to search for similar ids. */
const recentRuns = 200;
/** Ids contain random letters. With a larger edit distance, unrelated ids would match. */
const mistakes = 2;

async function recentIds(service: RunService): Promise<string[]> {
  const ids: string[] = [];
  for await (const { workflowId } of service.list(`WorkflowType = '${executeCodeWorkflow}'`)) {
    ids.push(workflowId);
    if (ids.length === recentRuns) break;
  }
  return ids;
}

/**
 * The error for an unknown run id, with a suggestion: the only id with that prefix, or the closest one.
 */
async function noSuchRun(service: RunService, id: string, cause: unknown): Promise<KgentsError> {
  // If the list fails, suggest nothing: the error is about the id.
  const ids = await recentIds(service).catch(() => []);
  const beginning = id === "" ? [] : ids.filter((other) => other.startsWith(id));
  const meant = beginning.length === 1 ? beginning[0] : closest(id, ids, mistakes);
  const hint = meant === undefined ? "" : ` (did you mean ${meant}?)`;
  return new KgentsError("not-found", `there is no run ${id}${hint}`, {
    cause,
    remedy: "Pass the whole id; `kgents ps --all`, or `list_executions` by MCP, lists the runs that are kept.",
  });
}

/**
 * Describes a run.
 *
 * @throws KgentsError `not-found`, `temporal-unavailable`
 */
export async function describeRun(service: RunService, id: string): Promise<RunDescription> {
  const description = await service.describe({ workflowId: id }).catch(async (error) => {
    if (isNotFound(error)) throw await noSuchRun(service, id, error);
    throw toKgentsError(error, id);
  });
  // Workflows of other types are not runs.
  if (description.type !== executeCodeWorkflow) throw await noSuchRun(service, id, undefined);
  return description;
}

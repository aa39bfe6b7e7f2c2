import {
  type Client,
  type WorkflowExecutionDescription,
  type WorkflowHandle,
  WorkflowNotFoundError,
} from "@temporalio/client";
import { KgentsError } from "#core/contract/error";
import { executeCodeWorkflow } from "#core/contract/names";
import { closest } from "#core/text/closest";
import { tolerantClient } from "#platform/temporal/tolerant-client";
import { toKgentsError } from "../failure.ts";

/** How many of the latest runs to search for similar ids. */
const recentRuns = 200;
/** Ids contain random letters. With a larger edit distance, unrelated ids would match. */
const mistakes = 2;

async function recentIds(client: Client): Promise<string[]> {
  const ids: string[] = [];
  for await (const { workflowId } of client.workflow.list({ query: `WorkflowType = '${executeCodeWorkflow}'` })) {
    ids.push(workflowId);
    if (ids.length === recentRuns) break;
  }
  return ids;
}

/**
 * The error for an unknown run id, with a suggestion: the only id with that prefix, or the closest one.
 */
async function noSuchRun(client: Client, id: string, cause: unknown): Promise<KgentsError> {
  // If the list fails, suggest nothing: the error is about the id.
  const ids = await recentIds(client).catch(() => []);
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
export async function describeRun(client: Client, handle: WorkflowHandle): Promise<WorkflowExecutionDescription> {
  const { workflowId: id } = handle;
  const description = await tolerantClient(client)
    .workflow.getHandle(id)
    .describe()
    .catch(async (error) => {
      if (error instanceof WorkflowNotFoundError) throw await noSuchRun(client, id, error);
      throw toKgentsError(error, id);
    });
  // Workflows of other types are not runs.
  if (description.type !== executeCodeWorkflow) throw await noSuchRun(client, id, undefined);
  return description;
}

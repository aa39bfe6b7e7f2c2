import { z } from "zod";
import { strict, wholeNumber } from "#core/contract/fields";
import type { RunSummary } from "../../sdk/runs/list-runs.ts";
import { runStates } from "../../sdk/runs/run-state.ts";
import { idInLine, inLine } from "../../tools/quote.ts";
import { defineTool } from "../tool.ts";

const executionSchema = z.strictObject({
  id: z.string(),
  status: z.enum(runStates),
  language: z.string(),
  title: z.string().describe("the first line of the code, written by whoever started the run"),
  requester: z.string().nullable(),
  startedAt: z.iso.datetime(),
  closedAt: z.iso.datetime().nullable(),
});

/** Lists runs. */
export const listExecutions = defineTool({
  name: "list_executions",
  title: "List runs",
  description: "Lists runs, including those of other requesters: open runs first, then the most recently ended.",
  input: strict(
    {
      limit: wholeNumber(1, 100).default(20).describe("Maximum number of runs: 1 to 100. Default: 20."),
      status: z
        .enum(runStates, { error: runStates.join(", ") })
        .optional()
        .describe("Lists only runs with this status. Default: all."),
    },
    "an object with limit and status",
  ),
  output: z.strictObject({ executions: z.array(executionSchema) }),
  annotations: { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false },
  call: async ({ limit, status }, { stack }) =>
    stack.use(async (quartermaster) => {
      const runs: RunSummary[] = [];
      for await (const run of quartermaster.list({ limit, status: status && [status] })) runs.push(run);
      const executions = runs.map((run) => ({
        id: run.id,
        status: run.status,
        language: run.language,
        title: run.title,
        requester: run.requester,
        startedAt: run.startedAt.toISOString(),
        closedAt: run.closedAt?.toISOString() ?? null,
      }));
      const lines = executions.map(
        (run) =>
          `${idInLine(run.id)} ${run.status} ${inLine(run.language, 32)} ${run.startedAt} ${inLine(run.title, 60)}`,
      );
      return { structured: { executions }, text: lines.join("\n") || "There are no such runs." };
    }),
});

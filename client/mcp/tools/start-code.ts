import { z } from "zod";
import { modelRequestSchema, requestOfModel } from "../../tools/model-request.ts";
import { idInLine } from "../../tools/quote.ts";
import { defineTool } from "../tool.ts";

/** Starts code and does not wait for it. */
export const startCode = defineTool({
  name: "start_code",
  title: "Start code",
  description:
    "Starts a program as run_code does, and answers at once with the id of the run, which goes on by itself. " +
    "For programs that take long: follow it with get_execution and read_output, end it with cancel_execution.",
  input: modelRequestSchema,
  output: z.strictObject({
    id: z.string(),
    attached: z.boolean().describe("whether the run was there already, under the same id with the same request"),
    uiUrl: z.string().nullable().describe("where a person can look at it"),
  }),
  annotations: { readOnlyHint: false, destructiveHint: false, idempotentHint: false, openWorldHint: true },
  call: async (_input, { stack, signal, requester }, given) =>
    stack.use(async (quartermaster) => {
      const request = requestOfModel(given, requester);
      const { id, runId, attached } = await quartermaster.start(request, { id: given.id, signal });
      const uiUrl = (await quartermaster.uiUrl({ id, runId })) ?? null;
      const what = attached ? "was there already, with the same request" : "has been started";
      return {
        structured: { id, attached, uiUrl },
        text: `The run ${idInLine(id)} ${what}. Ask for it with get_execution.`,
      };
    }),
});

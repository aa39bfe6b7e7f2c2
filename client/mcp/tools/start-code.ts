import { z } from "zod";
import { modelRequestSchema, requestOfModel } from "../../tools/model-request.ts";
import { idInLine } from "../../tools/quote.ts";
import { defineTool } from "../tool.ts";

/** Starts code and does not wait for it. */
export const startCode = defineTool({
  name: "start_code",
  title: "Start code",
  description:
    "Starts a program like run_code, but returns the id of the run at once. The run continues by itself. " +
    "For long programs: follow the run with get_execution and read_output, and end it with cancel_execution.",
  input: modelRequestSchema,
  output: z.strictObject({
    id: z.string(),
    attached: z.boolean().describe("whether a run with this id and the same request existed already"),
    uiUrl: z.string().nullable().describe("the page of the run in the Temporal UI, for people"),
  }),
  annotations: { readOnlyHint: false, destructiveHint: false, idempotentHint: false, openWorldHint: true },
  call: async (_input, { stack, signal, requester }, given) =>
    stack.use(async (quartermaster) => {
      const request = requestOfModel(given, requester);
      const { id, runId, attached } = await quartermaster.start(request, { id: given.id, signal });
      const uiUrl = (await quartermaster.uiUrl({ id, runId })) ?? null;
      const what = attached ? "existed already, with the same request" : "was started";
      return {
        structured: { id, attached, uiUrl },
        text: `The run ${idInLine(id)} ${what}. Get it with get_execution.`,
      };
    }),
});

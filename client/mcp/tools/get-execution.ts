import { z } from "zod";
import { strict, wholeNumber } from "#core/contract/fields";
import type { RunDetails } from "../../sdk/runs/inspect-run.ts";
import { runStates } from "../../sdk/runs/run-state.ts";
import { describeFailure } from "../../tools/describe-failure.ts";
import { showFiles } from "../../tools/output-files.ts";
import { idInLine } from "../../tools/quote.ts";
import { toolResultSchema } from "../../tools/structured-result.ts";
import { type Call, defineTool } from "../tool.ts";
import { waitForEnd } from "../waiting.ts";
import { idField } from "./fields.ts";
import { answerOf } from "./run-code.ts";

const phases = ["provisioning", "executing", "cleaning-up", "done"] as const;

/** The outcome of a run, or its current phase. */
export const executionSchema = z.strictObject({
  id: z.string(),
  status: z.enum(runStates).describe("running; how the program ended; error if the run could not be carried out"),
  phase: z.enum(phases).nullable().describe("the phase of the run; null if it has ended or the phase is unknown"),
  language: z.string(),
  startedAt: z.iso.datetime(),
  closedAt: z.iso.datetime().nullable(),
  uiUrl: z.string().nullable().describe("the page of the run in the Temporal UI, for people"),
  result: toolResultSchema.nullable().describe("null while the run is open, and if it could not be carried out"),
  failure: z
    .strictObject({ kind: z.string(), message: z.string(), field: z.string().nullable(), remedy: z.string() })
    .nullable()
    .describe("why the run could not be carried out"),
});

/** Gets a run. */
export const getExecution = defineTool({
  name: "get_execution",
  title: "Get a run",
  description:
    "Returns the state of a run, or the same result as run_code if it has ended. " +
    "With wait_seconds it returns when the run ends, or after that time. Use this instead of repeated calls.",
  input: strict(
    {
      id: idField(),
      wait_seconds: wholeNumber(0, 50)
        .default(0)
        .describe("How long to wait for the end: 0 to 50 seconds. Default: 0."),
    },
    "an object with the id of a run",
  ),
  output: executionSchema,
  annotations: { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false },
  call: async ({ id, wait_seconds: seconds }, call) => inspectExecution(id, seconds, call),
});

/** Inspects a run once it is over, or after a timeout. */
export async function inspectExecution(id: string, seconds: number, { stack, signal }: Call) {
  return stack.use(async (quartermaster) => {
    const handle = await quartermaster.get(id);
    if (seconds > 0) await waitForEnd(handle, seconds, signal);
    const details = await handle.inspect();
    const { result, failure, status, phase, language } = details;
    const uiUrl = (await quartermaster.uiUrl(details)) ?? null;
    const answer = result ? answerOf(result, await showFiles(result, await quartermaster.store())) : undefined;
    const startedAt = details.startedAt.toISOString();
    const closedAt = details.closedAt?.toISOString() ?? null;
    return {
      structured: {
        id,
        status,
        phase,
        language,
        startedAt,
        closedAt,
        uiUrl,
        result: answer?.structured ?? null,
        failure,
      },
      text: answer?.text ?? describeWithoutResult(details),
      ...(answer ? { more: answer.more } : {}),
    };
  });
}

function describeWithoutResult({ id, status, phase, failure, startedAt, closedAt }: RunDetails): string {
  if (failure) return `The run ${idInLine(id)} could not be carried out.\n${describeFailure(failure)}`;
  if (closedAt) return `The run ${idInLine(id)} has ended: ${status}. It has no result.`;
  const seconds = Math.round((Date.now() - startedAt.getTime()) / 1000);
  const where = phase === null ? "" : `, ${phase}`;
  return `The run ${idInLine(id)} is ${status}${where}, for ${seconds} s so far. Read its output with read_output; wait for its end with wait_seconds.`;
}

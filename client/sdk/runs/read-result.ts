/**
 * Reads the result of a run. Other programs in the namespace can start workflows of the same type with any result, so
 * its shape is validated here.
 *
 * @module
 */
import type { z } from "zod";
import { KgentsError } from "#core/contract/error";
import { type ExecutionResult, resultSchema } from "#core/contract/result";

/**
 * The mismatch of a value with a schema; undefined if it matches. Unknown fields are allowed, because a later version
 * may have added them.
 */
function misfit(schema: z.ZodType, value: unknown): z.core.$ZodIssue | undefined {
  // Without `jitless`, zod compiles the schema first. That takes longer than the check of a single result.
  const { error } = schema.safeParse(value, { jitless: true });
  return error?.issues.find(({ code }) => code !== "unrecognized_keys");
}

/** Whether a value has the shape of a schema. Further fields are allowed. */
export const fits = (schema: z.ZodType, value: unknown): boolean => misfit(schema, value) === undefined;

/** The error for a result that kgents did not write. */
class ForeignResult extends KgentsError {
  constructor(id: string, where: string) {
    super("namespace-conflict", `the result of the run ${id} is not one of kgents: ${where}`, {
      remedy:
        "Find out which other program runs workflows of the type executeCode in this namespace, and use another namespace for one of them.",
    });
  }
}

/** Whether an error means that kgents did not write a run's result. */
export const isForeignResult = (error: unknown): boolean => error instanceof ForeignResult;

/**
 * Validates the result of a run.
 *
 * @throws KgentsError `namespace-conflict` if kgents did not write it
 */
export function resultOf(value: unknown, id: string): ExecutionResult {
  const issue = misfit(resultSchema, value);
  if (issue === undefined) return value as ExecutionResult;
  const field = issue.path.map(String).join(".");
  throw new ForeignResult(id, field ? `its field ${field} is missing or has another type` : "it is not an object");
}

/**
 * Reads what a run has ended with. Whoever reaches the namespace can start a workflow of the same type that ends with anything, so the shape
 * is checked before the rest of the client relies on it.
 *
 * @module
 */
import type { z } from "zod";
import { KgentsError } from "#core/contract/error";
import { type ExecutionResult, resultSchema } from "#core/contract/result";

/** What does not fit a schema; undefined where the value fits. Fields that the schema lacks do no harm: a later version may have added them. */
function misfit(schema: z.ZodType, value: unknown): z.core.$ZodIssue | undefined {
  const { error } = schema.safeParse(value);
  return error?.issues.find(({ code }) => code !== "unrecognized_keys");
}

/** Whether a value has the shape that a schema says, with any fields beside. */
export const fits = (schema: z.ZodType, value: unknown): boolean => misfit(schema, value) === undefined;

/** Says that a run has ended with a result that kgents did not write. */
class ForeignResult extends KgentsError {
  constructor(id: string, where: string) {
    super("namespace-conflict", `the result of the run ${id} is not one of kgents: ${where}`, {
      remedy: "Find out what else runs workflows of the type executeCode in this namespace, and keep the two apart.",
    });
  }
}

/** Whether an error says that a run's result is not one of kgents. */
export const isForeignResult = (error: unknown): boolean => error instanceof ForeignResult;

/**
 * Checks what a run has ended with.
 *
 * @throws KgentsError `namespace-conflict` where it is not a result of kgents
 */
export function resultOf(value: unknown, id: string): ExecutionResult {
  const issue = misfit(resultSchema, value);
  if (issue === undefined) return value as ExecutionResult;
  const field = issue.path.map(String).join(".");
  throw new ForeignResult(id, field ? `its field ${field} is missing or of another kind` : "it is no object");
}

import { z } from "zod";
import { KgentsError } from "../../core/error.ts";
import { parseOrRefuse } from "../../core/refusal.ts";

/** What converts a schema for those who know JSON Schema. */
interface JsonSchemaConverter {
  readonly input: (options: { readonly target: string }) => Record<string, unknown>;
  readonly output: (options: { readonly target: string }) => Record<string, unknown>;
}

type Validation<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly { readonly message: string; readonly path: readonly string[] }[] };

/** A schema as https://standardschema.dev has it, with JSON Schema: what agent frameworks take, whichever library made it. */
export interface StandardSchema<Value> {
  readonly "~standard": {
    readonly version: 1;
    readonly vendor: "kgents";
    readonly validate: (value: unknown) => Validation<Value>;
    readonly jsonSchema: JsonSchemaConverter;
    readonly types?: { readonly input: Value; readonly output: Value } | undefined;
  };
}

const isTarget = (target: string): target is "draft-07" | "draft-2020-12" =>
  target === "draft-07" || target === "draft-2020-12";

/** JSON Schema of what is given to a tool. */
export const inputJsonSchema = (schema: z.ZodType, target = "draft-2020-12"): Record<string, unknown> =>
  z.toJSONSchema(schema, { io: "input", target: isTarget(target) ? target : "draft-2020-12" });

/**
 * Makes a schema that refuses in our own words: the field, what came and what is allowed. Values are handed on as they were
 * written, without defaults: those of the configuration come first.
 */
export function standardSchema<Schema extends z.ZodType>(schema: Schema): StandardSchema<z.input<Schema>> {
  const convert = ({ target }: { readonly target: string }) => inputJsonSchema(schema, target);
  return {
    "~standard": {
      version: 1,
      vendor: "kgents",
      validate: (value) => {
        try {
          parseOrRefuse(schema, value, "invalid-request", "arguments");
          return { value: value as z.input<Schema> };
        } catch (error) {
          if (!(error instanceof KgentsError)) throw error;
          return { issues: [{ message: error.message, path: error.field?.split(".") ?? [] }] };
        }
      },
      jsonSchema: { input: convert, output: convert },
    },
  };
}

import type { z } from "zod";
import { KgentsError } from "#core/contract/error";
import { parseOrRefuse } from "#core/contract/refusal";
import { inputJsonSchema, withoutNulls } from "./model-schema.ts";

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

/**
 * Makes a schema that refuses in our own words: the field, what came and what is allowed. Values are handed on as they were
 * written, without nulls that stand for "not given", and without defaults: those of the configuration come first.
 */
export function standardSchema<Schema extends z.ZodType>(schema: Schema): StandardSchema<z.input<Schema>> {
  // What is left of a schema means the same in every draft.
  const convert = () => inputJsonSchema(schema);
  return {
    "~standard": {
      version: 1,
      vendor: "kgents",
      validate: (value) => {
        const given = withoutNulls(schema, value);
        try {
          parseOrRefuse(schema, given, "invalid-request", "arguments");
          return { value: given as z.input<Schema> };
        } catch (error) {
          if (!(error instanceof KgentsError)) throw error;
          return { issues: [{ message: error.message, path: error.field?.split(".") ?? [] }] };
        }
      },
      jsonSchema: { input: convert, output: convert },
    },
  };
}

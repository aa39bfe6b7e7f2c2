import type { z } from "zod";
import { KgentsError } from "#core/contract/error";
import { parseOrRefuse } from "#core/contract/refusal";
import { inputJsonSchema, withoutNulls } from "./model-schema.ts";

/** Converts a schema to JSON Schema. */
interface JsonSchemaConverter {
  readonly input: (options: { readonly target: string }) => Record<string, unknown>;
  readonly output: (options: { readonly target: string }) => Record<string, unknown>;
}

type Validation<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly { readonly message: string; readonly path: readonly string[] }[] };

/** A schema of https://standardschema.dev with JSON Schema, as agent frameworks accept it from any library. */
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
 * Creates a schema whose errors name the field, the value and what is allowed. Values are passed on as they were
 * written, without nulls that stand for "not given", and without defaults, because those of the configuration take
 * precedence.
 */
export function standardSchema<Schema extends z.ZodType>(schema: Schema): StandardSchema<z.input<Schema>> {
  // The remaining keywords mean the same in every draft.
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

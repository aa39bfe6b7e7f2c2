/**
 * Tool schemas in the form that model APIs accept, and arguments as models write them.
 *
 * @module
 */
import { z } from "zod";
import { isRecord } from "#core/text/is-record";

/**
 * The keywords that both OpenAI's strict mode and Gemini's function declarations support; others are rejected or
 * ignored. The constraints lost this way (patterns, lengths, defaults) are in the descriptions, and are checked when a
 * call arrives.
 */
const keywords = [
  ...["type", "description", "enum", "anyOf", "properties", "required", "additionalProperties"],
  ...["items", "minItems", "maxItems", "minimum", "maximum"],
];

type JsonSchema = Record<string, unknown>;

/** The JSON Schema of a tool's input. */
export function inputJsonSchema(schema: z.ZodType): JsonSchema {
  const { $schema: _, ...converted } = z.toJSONSchema(schema, {
    io: "input",
    // References in a tool's schema are not resolved by the model APIs, so repeated schemas are inlined.
    reused: "inline",
    override: ({ jsonSchema }) => {
      for (const name of Object.keys(jsonSchema)) {
        if (!keywords.includes(name)) Reflect.deleteProperty(jsonSchema, name);
      }
    },
  });
  return converted;
}

/** The schema of a field's value, without the wrappers that make the field optional. */
function within(schema: z.core.$ZodType): z.core.$ZodType {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault) {
    return within(schema.def.innerType);
  }
  return schema instanceof z.ZodPipe ? within(schema.def.in) : schema;
}

/**
 * Removes optional fields that are null. Models write null for "not given", and OpenAI's strict mode, which requires
 * every field, allows nothing else. Null in a required field stays and is rejected.
 */
export function withoutNulls(schema: z.core.$ZodType, value: unknown): unknown {
  const inner = within(schema);
  if (inner instanceof z.ZodArray && Array.isArray(value)) {
    return value.map((item) => withoutNulls(inner.element, item));
  }
  if (!(inner instanceof z.ZodObject) || !isRecord(value)) return value;
  const { shape } = inner;
  const kept = Object.entries(value).flatMap(([name, part]) => {
    const field = Object.hasOwn(shape, name) ? shape[name] : undefined;
    if (!field) return [[name, part] as const];
    if (part === null && z.safeParse(field, undefined).success) return [];
    return [[name, withoutNulls(field, part)] as const];
  });
  return Object.fromEntries(kept);
}

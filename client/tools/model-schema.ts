/**
 * The schemas of tools as APIs of models take them, and arguments as models write them.
 *
 * @module
 */
import { z } from "zod";

/**
 * What OpenAI's strict mode and Gemini's function declarations both take: more is refused, or ignored. What is lost by it (patterns,
 * lengths, defaults) stands in the descriptions, and is checked when a call comes.
 */
const keywords = [
  ...["type", "description", "enum", "anyOf", "properties", "required", "additionalProperties"],
  ...["items", "minItems", "maxItems", "minimum", "maximum"],
];

type JsonSchema = Record<string, unknown>;

/** JSON Schema of what is given to a tool. */
export function inputJsonSchema(schema: z.ZodType): JsonSchema {
  const { $schema: _, ...converted } = z.toJSONSchema(schema, {
    io: "input",
    // Nobody resolves references in a tool's schema: what is used twice stands there twice.
    reused: "inline",
    override: ({ jsonSchema }) => {
      for (const name of Object.keys(jsonSchema)) {
        if (!keywords.includes(name)) Reflect.deleteProperty(jsonSchema, name);
      }
    },
  });
  return converted;
}

/** The schema that a value of a field is checked against, without what says that it may be missing. */
function within(schema: z.core.$ZodType): z.core.$ZodType {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault) {
    return within(schema.def.innerType);
  }
  return schema instanceof z.ZodPipe ? within(schema.def.in) : schema;
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/**
 * Arguments without the fields that are null where they may be missing: models write null for "not given", and those that must name every
 * field (OpenAI's strict mode) cannot say it otherwise. Null for a field that is needed stays, and is refused.
 */
export function withoutNulls(schema: z.core.$ZodType, value: unknown): unknown {
  const inner = within(schema);
  if (inner instanceof z.ZodArray && Array.isArray(value)) {
    return value.map((item) => withoutNulls(inner.element, item));
  }
  if (!(inner instanceof z.ZodObject) || !isObject(value)) return value;
  const { shape } = inner;
  const kept = Object.entries(value).flatMap(([name, part]) => {
    const field = Object.hasOwn(shape, name) ? shape[name] : undefined;
    if (!field) return [[name, part] as const];
    if (part === null && z.safeParse(field, undefined).success) return [];
    return [[name, withoutNulls(field, part)] as const];
  });
  return Object.fromEntries(kept);
}

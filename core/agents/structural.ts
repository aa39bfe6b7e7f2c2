/**
 * Turns a JSON Schema into the structural form that the API server demands of a CustomResourceDefinition.
 *
 * @module
 */
import type { z } from "zod";

/** A structural schema, as far as Agents need one. */
export interface StructuralSchema {
  readonly type?: "object" | "array" | "string" | "integer" | "boolean";
  readonly description?: string;
  readonly default?: unknown;
  readonly required?: readonly string[];
  readonly properties?: Readonly<Record<string, StructuralSchema>>;
  readonly items?: StructuralSchema;
  readonly [keyword: string]: unknown;
}

/** Keywords that are taken over as they are. */
const kept: readonly string[] = [
  ...["description", "type", "default", "enum", "format"],
  ...["pattern", "minLength", "maxLength", "minimum", "maximum", "minItems", "maxItems", "required"],
];

/** The order for people: what it is, then its bounds, then its parts. */
const rankOf = (keyword: string): number => {
  if (keyword === "properties" || keyword === "items") return kept.length + 1;
  const rank = kept.indexOf(keyword);
  return rank < 0 ? kept.length : rank;
};

const extension = "x-kubernetes-";
const intOrString = "x-kubernetes-int-or-string";

/** What zod says of every whole number. */
const isSafeBound = (value: unknown): boolean => value === Number.MAX_SAFE_INTEGER || value === Number.MIN_SAFE_INTEGER;

type JsonSchema = z.core.JSONSchema.BaseSchema;

const objectSchema = (schema: unknown, path: string): JsonSchema => {
  if (typeof schema === "object" && schema !== null) return schema as JsonSchema;
  throw new Error(`${path}: no structural schema can be made of ${JSON.stringify(schema)}`);
};

/** The entry for one keyword; none if a structural schema says it otherwise or not at all. */
function entriesOf(schema: JsonSchema, keyword: string, path: string): [string, unknown][] {
  const value: unknown = schema[keyword];
  if (value === undefined) return [];
  if (kept.includes(keyword)) {
    const isImplied = isSafeBound(value) || (keyword === "pattern" && schema.format === "date-time");
    return isImplied ? [] : [[keyword, value]];
  }
  if (keyword.startsWith(extension)) return Array.isArray(value) && value.length === 0 ? [] : [[keyword, value]];
  switch (keyword) {
    case "properties":
      return [
        [
          keyword,
          Object.fromEntries(
            Object.entries(value as object).map(([name, part]) => [name, structural(part, `${path}.${name}`)]),
          ),
        ],
      ];
    case "items":
      return [[keyword, structural(value, `${path}[]`)]];
    case "const":
      return [["enum", [value]]];
    // Unknown fields are removed by the API server itself.
    case "additionalProperties":
      if (value === false || schema["x-kubernetes-preserve-unknown-fields"] === true) return [];
      break;
    case "anyOf":
      if (schema[intOrString] === true) return [[keyword, [{ type: "integer" }, { type: "string" }]]];
  }
  throw new Error(`${path}: a structural schema has no place for ${keyword}`);
}

/**
 * The structural form of a schema.
 *
 * @throws Error for a keyword that has no place in it, so that no rule is lost
 */
export function structural(schema: unknown, path = ""): StructuralSchema {
  const source = objectSchema(schema, path);
  return Object.fromEntries(
    Object.keys(source)
      .filter((keyword) => keyword !== "$schema")
      .sort((a, b) => rankOf(a) - rankOf(b))
      .flatMap((keyword) => entriesOf(source, keyword, path)),
  );
}

/**
 * Rules of the Agent's schema that a type and a pattern cannot express. Each is stated twice: as a function for zod,
 * and in CEL for the API server. The tests judge the same objects by both.
 *
 * @module
 */
import type { z } from "zod";

/** The key under which a schema's metadata holds its rules for the API server. */
export const validationsKey = "x-kubernetes-validations";

/** One rule about a value. */
export interface Rule<Value> {
  /** What is allowed, in words. */
  readonly allowed: string;
  /** Whether a value keeps the rule. Fields that are wrong by themselves may have any type. */
  readonly holds: (value: Value) => boolean;
  /** The same in CEL, about `self`. */
  readonly cel: string;
  /** The field below the value that breaks the rule, such as `command`. @default the value itself */
  readonly field?: string;
}

/** A rule as the API server reads it. */
export interface CelRule {
  readonly rule: string;
  readonly message: string;
  readonly fieldPath?: string;
}

const celRule = ({ cel, allowed, field }: Rule<never>): CelRule => {
  const rule = { rule: cel, message: `allowed is ${allowed}` };
  return field === undefined ? rule : { ...rule, fieldPath: `.${field}` };
};

/**
 * Adds rules to a schema.
 *
 * @param celOnly rules that only the API server can check, because they compare with the stored object
 */
export function withRules<Schema extends z.ZodType>(
  schema: Schema,
  rules: readonly Rule<z.output<Schema>>[],
  celOnly: readonly CelRule[] = [],
): Schema {
  const checked = rules.reduce<Schema>(
    (rest, { holds, allowed, field }) =>
      rest.refine((value) => holds(value as z.output<Schema>), {
        error: allowed,
        path: field === undefined ? [] : field.split("."),
        // An object's rules are checked even if one of its fields is wrong, so that all mistakes are reported at once.
        when: ({ value, issues }) => (typeof value === "object" && value !== null) || issues.length === 0,
      }),
    schema,
  );
  return checked.meta({ [validationsKey]: [...rules.map(celRule), ...celOnly] });
}

/**
 * The building blocks of the Agent's schema. Each states what is allowed, and carries in its metadata what the API
 * server needs: see `crd.ts`.
 *
 * Lengths are counted in characters (Unicode code points), as the API server counts them.
 *
 * @module
 */
import { z } from "zod";
import { imageField, imageReference, imageRule, list, text } from "../contract/fields.ts";
import { parseQuantity } from "../text/quantity.ts";
import { withRules } from "./rules.ts";

const characters = (value: string): number => {
  let count = 0;
  for (const _ of value) count += 1;
  return count;
};

/** Text of limited length, without NUL. */
export const shortText = (maximum: number, allowed: string, minimum = 0) =>
  text(allowed)
    .refine((value) => characters(value) <= maximum && characters(value) >= minimum && !value.includes("\0"), {
      error: allowed,
    })
    .meta({
      maxLength: maximum,
      pattern: "^[^\\x00]*$",
      // Undefined keywords are left out of the schema.
      minLength: minimum === 0 ? undefined : minimum,
    });

/** Text of limited length that matches a pattern. The pattern must be one for Go, too: without look-ahead. */
export const patternText = (pattern: RegExp, maximum: number, allowed: string) =>
  text(allowed)
    .refine((value) => pattern.test(value) && value.length <= maximum, { error: allowed })
    .meta({ maxLength: maximum, pattern: pattern.source });

const subdomain = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;

/** The name of an object in the cluster: a DNS subdomain. */
export const objectNameField = (what: string) =>
  patternText(subdomain, 253, `${what}: at most 253 of a-z 0-9 - . with a letter or digit at both ends`);

/** A genus: the kind of agent, such as `B` or `Psi`. */
export const genusField = () =>
  patternText(/^[A-Z][A-Za-z]{0,15}$/, 16, "a capital letter and at most 15 further letters, such as B or Psi");

/** An image with a pinned version, by the rule of requests. */
export const agentImageField = () =>
  withRules(imageField(), [
    {
      allowed: imageRule,
      // Checked by the field itself.
      holds: () => true,
      cel: "self.matches(r'[:@][^/]*$') && !self.matches(r':latest\\b')",
    },
  ]).meta({ allOf: undefined, not: undefined, pattern: imageReference.source });

/** A list whose order counts and whose entries may repeat: the words of a command. */
export const wordList = (minimum: number, maximum: number, what: string) => {
  const allowed = `a list of ${minimum} to ${maximum} ${what}`;
  return list(shortText(4096, "text of at most 4096 characters without NUL"), maximum, allowed)
    .min(minimum, { error: allowed })
    .meta({ "x-kubernetes-list-type": "atomic" });
};

/** Reports every entry whose key an earlier entry has. */
const distinct =
  <Item>(keyOf: (item: Item) => unknown, allowed: string) =>
  ({ value, issues }: z.core.ParsePayload<Item[]>): void => {
    const seen = new Set<unknown>();
    for (const [index, item] of value.entries()) {
      const key = keyOf(item);
      if (key !== undefined && seen.has(key)) {
        issues.push({ code: "custom", input: item, path: [index], message: allowed });
      }
      seen.add(key);
    }
  };

/** A list without repetitions. Each of its entries can have a field manager of its own. */
export const setOf = <Item extends z.ZodType<string>>(item: Item, maximum: number, allowed: string) =>
  list(item, maximum, allowed)
    .check(distinct((entry) => entry, "each once"))
    .meta({ "x-kubernetes-list-type": "set" });

/** A list of objects with unique names. Each of its entries can have a field manager of its own. */
export const mapByName = <Item extends z.ZodType<{ readonly name: string }>>(
  item: Item,
  maximum: number,
  allowed: string,
) =>
  list(item, maximum, allowed)
    .check(distinct((entry: unknown) => (entry as { name?: unknown } | undefined)?.name, "each name once"))
    .meta({ "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"] });

/** Decimals are limited to what makes a whole number of millicores, or is exact in thousandths of a byte. */
const cpuPattern = /^([0-9]{1,6}m|[0-9]{1,6}(\.[0-9]{1,3})?)$/;
const bytesPattern = /^([0-9]{1,15}|[0-9]{1,15}(\.[0-9]{1,3})?(k|M|G|T|Ki|Mi|Gi|Ti))$/;

/** A quantity in thousandths, which is exact for all that the patterns allow; undefined if it is none. */
export const thousandths = (value: unknown): number | undefined =>
  typeof value === "string" || typeof value === "number" ? parseQuantity(String(value), 1000) : undefined;

/** A quantity as CEL. Whole numbers are not text there. */
export const celQuantity = (path: string): string => `quantity(string(${path}))`;

const quantityField = (pattern: RegExp, minimum: string, maximum: string, example: string) => {
  const allowed = `a quantity from ${minimum} to ${maximum}, such as ${example}`;
  const [lowest = 0, highest = 0] = [minimum, maximum].map(thousandths);
  const holds = (value: string | number): boolean => {
    const amount = pattern.test(String(value)) ? thousandths(value) : undefined;
    return amount !== undefined && amount >= lowest && amount <= highest;
  };
  const self = celQuantity("self");
  const bounds = `${self}.compareTo(quantity('${minimum}')) >= 0 && ${self}.compareTo(quantity('${maximum}')) <= 0`;
  return withRules(z.union([z.int({ error: allowed }), z.string({ error: allowed })], { error: allowed }), [
    { allowed, holds, cel: `isQuantity(string(self)) && ${bounds}` },
  ]).meta({ "x-kubernetes-int-or-string": true, pattern: pattern.source, maxLength: 20 });
};

/** An amount of cpu. */
export const cpuField = () => quantityField(cpuPattern, "10m", "256", "100m or 2");
/** An amount of memory or disk. */
export const bytesField = (minimum: string, maximum: string, example: string) =>
  quantityField(bytesPattern, minimum, maximum, example);

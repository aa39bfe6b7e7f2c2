/**
 * Messages of validation errors: `<field>: got <value>; allowed is <rule>`.
 *
 * Errors end up in histories and logs, so they never contain the values of fields that may hold secrets.
 *
 * @module
 */
import type { z } from "zod";
import { utf8Length } from "../text/bytes.ts";
import { closest } from "../text/closest.ts";
import { KgentsError } from "./error.ts";
import type { FailureKind } from "./failure.ts";

const shorten = (text: string, maximum = 80): string =>
  text.length > maximum ? `${text.slice(0, maximum - 3)}...` : text;

/** A field's name in a message: escaped to one line and shortened. */
const shortName = (name: string): string => shorten(JSON.stringify(name).slice(1, -1));

/** Whether the value at this path of a request may be a secret or contain one. */
function mayBeSecret(path: readonly PropertyKey[]): boolean {
  const [field, , part] = path;
  if (field === "files" && path.length >= 3 && part !== "content") return false;
  // The size that a reference into the artifact store gives.
  if (field !== "env" && path.at(-1) === "bytes") return false;
  return field === undefined || ["code", "files", "args", "stdin", "env"].includes(String(field));
}

const plural = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? "" : "s"}`;

/** Describes a received value: plain values verbatim (shortened), otherwise type and size. Secrets are never shown. */
export function describeValue(value: unknown, secret: boolean): string {
  if (value === undefined) return "nothing";
  if (value === null) return "null";
  if (Array.isArray(value)) return `a list of ${value.length}`;
  if (typeof value === "object") return `an object with ${plural(Object.keys(value).length, "field")}`;
  if (typeof value !== "string") return secret || typeof value === "function" ? `a ${typeof value}` : String(value);
  if (!secret) return shorten(JSON.stringify(value));
  const faults = [...(value.isWellFormed() ? [] : ["a lone surrogate"]), ...(value.includes("\0") ? ["NUL"] : [])];
  const size = value === "" ? "empty text" : `text of ${plural(utf8Length(value), "byte")}`;
  return faults.length > 0 ? `${size} with ${faults.join(" and ")}` : size;
}

/** The error of one refused field. */
export const refuse = (kind: FailureKind, field: string, got: string, allowed: string): KgentsError =>
  new KgentsError(kind, `${field}: got ${got}; allowed is ${allowed}`, { field });

/**
 * Turns the first issue of a zod error into an error with the field, the received value and what is allowed.
 *
 * @param whole the name for the value itself, if the issue concerns no field
 */
export function refusal(error: z.ZodError, kind: FailureKind, whole: string): KgentsError {
  const issue = error.issues[0];
  if (!issue) return refuse(kind, whole, "an invalid value", "as documented");
  const name = (path: readonly PropertyKey[]): string => path.map((part) => shortName(String(part))).join(".");
  if (issue.code === "unrecognized_keys") {
    const key = issue.keys[0] ?? "";
    // For objects made by `strict`, the message is the list of field names.
    const meant = closest(key, issue.message.split(", "));
    const hint = meant === undefined ? "" : ` (did you mean ${meant}?)`;
    return refuse(kind, name([...issue.path, key]), "an unknown field", `one of ${issue.message}${hint}`);
  }
  if (issue.code === "invalid_key") {
    // A `=` in a variable's name means that its value, possibly a secret, was put into the name.
    const key = String(issue.path.at(-1) ?? "").replace(/=.*/s, "=...");
    return refuse(kind, name([...issue.path.slice(0, -1), key]), `the name "${shortName(key)}"`, issue.message);
  }
  const got = describeValue(issue.input, mayBeSecret(issue.path));
  return refuse(kind, name(issue.path) || whole, got, issue.message);
}

/**
 * Checks a value against a schema.
 *
 * @param whole the name for the value itself in a message
 * @throws KgentsError of that kind, for the first field that is refused
 */
export function parseOrRefuse<Schema extends z.ZodType>(
  schema: Schema,
  value: unknown,
  kind: FailureKind,
  whole: string,
): z.output<Schema> {
  // Few requests are checked in one process: without `jitless`, zod compiles each schema first, which takes longer.
  const parsed = schema.safeParse(value, { reportInput: true, jitless: true });
  if (!parsed.success) throw refusal(parsed.error, kind, whole);
  // zod drops `__proto__` from records silently. Refuse it instead.
  for (const [field, part] of Object.entries(value ?? {})) {
    if (typeof part === "object" && part !== null && Object.hasOwn(part, "__proto__")) {
      throw refuse(kind, `${field}.__proto__`, 'the name "__proto__"', "any other name");
    }
  }
  return parsed.data;
}

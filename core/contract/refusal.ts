/**
 * The wording of refusals: `<field>: got <what came>; allowed is <what is allowed>`.
 *
 * Errors end up in histories and logs, so the values of fields that may hold secrets never stand in them.
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

/** A field's name in a message: on one line, whatever stands in it. */
const shortName = (name: string): string => shorten(JSON.stringify(name).slice(1, -1));

/** Whether what stands at this place of a request may be a secret, or hold one. */
function mayBeSecret(path: readonly PropertyKey[]): boolean {
  const [field, , part] = path;
  if (field === "files" && path.length >= 3 && part !== "content") return false;
  // The size that a reference into the artifact store gives.
  if (field !== "env" && path.at(-1) === "bytes") return false;
  return field === undefined || ["code", "files", "args", "stdin", "env"].includes(String(field));
}

const plural = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? "" : "s"}`;

/** Says what came: a plain value as it is, kind and size where it is large or may be a secret. */
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
 * Turns the first problem that zod found into an error that names the field, what came and what is allowed.
 *
 * @param whole what to call the value itself, where the problem is with no field of it
 */
export function refusal(error: z.ZodError, kind: FailureKind, whole: string): KgentsError {
  const issue = error.issues[0];
  if (!issue) return refuse(kind, whole, "something that was not understood", "what the documentation says");
  const name = (path: readonly PropertyKey[]): string => path.map((part) => shortName(String(part))).join(".");
  if (issue.code === "unrecognized_keys") {
    const key = issue.keys[0] ?? "";
    // Objects made by `strict` say their fields' names here.
    const meant = closest(key, issue.message.split(", "));
    const hint = meant === undefined ? "" : ` (did you mean ${meant}?)`;
    return refuse(kind, name([...issue.path, key]), "an unknown field", `one of ${issue.message}${hint}`);
  }
  if (issue.code === "invalid_key") {
    // What follows a `=` in a variable's name is a value that went astray.
    const key = String(issue.path.at(-1) ?? "").replace(/=.*/s, "=...");
    return refuse(kind, name([...issue.path.slice(0, -1), key]), `the name "${shortName(key)}"`, issue.message);
  }
  const got = describeValue(issue.input, mayBeSecret(issue.path));
  return refuse(kind, name(issue.path) || whole, got, issue.message);
}

/**
 * Checks a value against a schema.
 *
 * @param whole what to call the value itself in a message
 * @throws KgentsError of that kind, which names the first field that is refused
 */
export function parseOrRefuse<Schema extends z.ZodType>(
  schema: Schema,
  value: unknown,
  kind: FailureKind,
  whole: string,
): z.output<Schema> {
  const parsed = schema.safeParse(value, { reportInput: true });
  if (!parsed.success) throw refusal(parsed.error, kind, whole);
  // zod leaves `__proto__` out of records without a word; what silently goes missing is worse than a refusal.
  for (const [field, part] of Object.entries(value ?? {})) {
    if (typeof part === "object" && part !== null && Object.hasOwn(part, "__proto__")) {
      throw refuse(kind, `${field}.__proto__`, 'the name "__proto__"', "any other name");
    }
  }
  return parsed.data;
}

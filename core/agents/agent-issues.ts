/**
 * What is wrong with an Agent: one issue for each mistake, with its place.
 *
 * @module
 */
import type { z } from "zod";
import { describeValue } from "../contract/refusal.ts";
import { closest } from "../text/closest.ts";

/** One mistake. */
export interface AgentIssue {
  /** The keys that lead to the value, such as `["spec", "env", 0, "name"]`. It need not be there. */
  readonly path: readonly (string | number)[];
  /** The same in the notation of the API server, such as `spec.env[0].name`. */
  readonly field: string;
  /** Such as `got 11; allowed is a whole number from 0 to 10`. */
  readonly message: string;
}

type Path = AgentIssue["path"];

/** A path in the notation of the API server. */
export const fieldOf = (path: Path): string =>
  path
    .map((part) => (typeof part === "number" ? `[${part}]` : `.${part}`))
    .join("")
    .replace(/^\./, "");

/** Whether a value may be a secret, or contain one. Such values are described by their type and size. */
function mayBeSecret(path: Path): boolean {
  const [root, ...rest] = path;
  if (root !== "spec") return false;
  const [field, , part] = rest[0] === "sidecar" ? rest.slice(1) : rest;
  if (field === "env") return part === "value";
  return ["command", "args", "config", "instructions"].includes(String(field));
}

const valueAt = (object: unknown, path: Path): unknown =>
  path.reduce<unknown>(
    (value, part) => (typeof value === "object" && value !== null ? Reflect.get(value, part) : undefined),
    object,
  );

/** The issue of one place. */
export const issueAt = (path: Path, got: string, allowed: string): AgentIssue => ({
  path,
  field: fieldOf(path),
  message: `got ${got}; allowed is ${allowed}`,
});

function issuesOf(issue: z.core.$ZodIssue, object: unknown): AgentIssue[] {
  const path = issue.path.map((part) => (typeof part === "number" ? part : String(part)));
  if (issue.code !== "unrecognized_keys") {
    const got = describeValue(valueAt(object, path), mayBeSecret(path));
    return [issueAt(path, issue.code === "invalid_key" ? "this name" : got, issue.message)];
  }
  // For objects made by `strict`, the message is the list of field names.
  return issue.keys.map((key) => {
    const meant = closest(key, issue.message.split(", "));
    const hint = meant === undefined ? "" : ` (did you mean ${meant}?)`;
    return issueAt([...path, key], "an unknown field", `one of ${issue.message}${hint}`);
  });
}

/** The issues of an object, each place once. */
export function agentIssues(error: z.ZodError, object: unknown): AgentIssue[] {
  const byMessage = new Map<string, AgentIssue>();
  for (const issue of error.issues.flatMap((each) => issuesOf(each, object))) {
    byMessage.set(`${issue.field}: ${issue.message}`, issue);
  }
  return [...byMessage.values()];
}

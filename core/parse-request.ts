import type { z } from "zod";
import { KgentsError } from "./error.ts";
import type { FailureKind } from "./failure.ts";
import { type ExecutionSpec, maximumRequestBytes, requestSchema } from "./request.ts";

/** Shows a refused value in a message: short, on one line, never a whole program. */
function show(value: unknown): string {
  if (value === undefined) return "nothing";
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}

/** Turns the first problem that zod found into an error that names the field, what came and what is allowed. */
export function refusal(error: z.ZodError, kind: FailureKind, whole: string): KgentsError {
  const issue = error.issues[0];
  if (!issue) return new KgentsError(kind, `${whole}: not understood`, { cause: error });
  const path = issue.path.map(String).join(".");
  if (issue.code === "unrecognized_keys") {
    const field = [...issue.path.map(String), issue.keys[0] ?? ""].join(".");
    return new KgentsError(kind, `${field}: there is no such field`, { field });
  }
  const field = path || whole;
  return new KgentsError(kind, `${field}: got ${show(issue.input)}; allowed is ${issue.message}`, { field });
}

/**
 * Checks a request and applies the defaults.
 *
 * @throws KgentsError `invalid-request`, with the field's name, what it was and what is allowed
 */
export function parseRequest(input: unknown): ExecutionSpec {
  const parsed = requestSchema.safeParse(input, { reportInput: true });
  if (!parsed.success) throw refusal(parsed.error, "invalid-request", "request");
  const spec = parsed.data;
  const refuse = (field: string, message: string): never => {
    throw new KgentsError("invalid-request", `${field}: ${message}`, { field });
  };
  const names = spec.files.map((file) => file.name);
  if (spec.code === undefined && spec.entrypoint === undefined) {
    refuse("code", "got nothing; allowed is code, or files with an entrypoint");
  }
  if (spec.code !== undefined && spec.entrypoint !== undefined) {
    refuse("entrypoint", "got both code and entrypoint; allowed is one of them");
  }
  if (spec.entrypoint !== undefined && !names.includes(spec.entrypoint)) {
    refuse("entrypoint", `got ${show(spec.entrypoint)}; allowed is the name of one of the files`);
  }
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) refuse("files", `got ${show(twice)} twice; allowed is each name once`);
  const nested = names.find((name) => names.some((other) => other.startsWith(`${name}/`)));
  if (nested !== undefined) refuse("files", `got ${show(nested)} as a file and as a folder; allowed is one of them`);
  if (Buffer.byteLength(JSON.stringify(input)) > maximumRequestBytes) {
    refuse("request", "got more than 1 MiB of JSON; larger code, stdin and files go through the artifact store");
  }
  return spec;
}

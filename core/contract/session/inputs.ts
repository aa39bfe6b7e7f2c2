/**
 * Checks of a session's inputs by plain functions, because workflows must not import zod. They run before an update is
 * accepted. The activities check the rest: the content of the fields.
 *
 * @module
 */
import { utf8Length } from "../../text/bytes.ts";
import { isRecord } from "../../text/is-record.ts";
import { describeValue } from "../refusal.ts";
import { faultInDepth, type InputFault } from "../workflow-inputs.ts";
import type { SessionUpdate } from "./names.ts";

/** The largest argument, in bytes of JSON: the same as of a request. */
const maximumArgumentBytes = 1024 * 1024;

type Kind = "content" | "list" | "flag" | "text" | "map" | "duration";
type Fields = Readonly<Record<string, unknown>>;

const kinds: Readonly<Record<Kind, { readonly allowed: string; readonly is: (value: unknown) => boolean }>> = {
  content: {
    allowed: 'text, { "base64": "..." } or { "artifact": sha256, "bytes": n }',
    is: (value) => typeof value === "string" || isRecord(value),
  },
  list: { allowed: "a list", is: Array.isArray },
  flag: { allowed: "true or false", is: (value) => typeof value === "boolean" },
  text: { allowed: "text", is: (value) => typeof value === "string" },
  map: { allowed: "an object", is: isRecord },
  duration: {
    allowed: 'a duration, such as 30 or "90s"',
    is: (value) => typeof value === "string" || typeof value === "number",
  },
};

const run = {
  code: "content",
  files: "list",
  entrypoint: "text",
  isolated: "flag",
  args: "list",
  env: "map",
  stdin: "content",
  timeout: "duration",
  outputs: "list",
} as const satisfies Readonly<Record<string, Kind>>;

const argumentsOf: Readonly<Record<SessionUpdate, Readonly<Record<string, Kind>>>> = {
  run,
  writeFiles: { files: "list" },
  readFiles: { patterns: "list" },
  listFiles: {},
  removeFiles: { names: "list" },
  interrupt: { update: "text" },
  checkpoint: {},
  close: {},
};

/** Updates whose argument has a field that must be there. */
const needed: Partial<Record<SessionUpdate, string>> = {
  writeFiles: "files",
  readFiles: "patterns",
  removeFiles: "names",
};

/** Whether a field may hold a secret, so that a message must not show its value. */
const mayBeSecret = (field: string): boolean => ["code", "files", "args", "stdin", "env"].includes(field);

const fault = (field: string, value: unknown, allowed: string): InputFault => ({
  field,
  message: `${field}: got ${describeValue(value, mayBeSecret(field))}; allowed is ${allowed}`,
});

function faultInFields(fields: Fields, known: Readonly<Record<string, Kind>>): InputFault | undefined {
  for (const [name, value] of Object.entries(fields)) {
    const kind = Object.hasOwn(known, name) ? known[name] : undefined;
    if (kind === undefined) {
      const field = describeValue(name, false).slice(1, -1);
      const allowed = Object.keys(known).join(", ") || "no field";
      return { field, message: `${field}: got an unknown field; allowed is ${allowed}` };
    }
    if (value !== undefined && !kinds[kind].is(value)) return fault(name, value, kinds[kind].allowed);
  }
  return undefined;
}

function faultInRun({ code, entrypoint }: Fields): InputFault | undefined {
  if (code === undefined && entrypoint === undefined) return fault("code", undefined, "code, or an entrypoint");
  if (code === undefined || entrypoint === undefined) return undefined;
  return { field: "entrypoint", message: "entrypoint: got both code and entrypoint; allowed is one of them" };
}

/** Checks the argument of an update: its size, the names and the types of its fields. Nothing means an empty object. */
export function faultInUpdate(update: SessionUpdate, argument: unknown): InputFault | undefined {
  const tooDeepAt = faultInDepth("call", argument);
  if (tooDeepAt) return tooDeepAt;
  const fields = argument ?? {};
  if (!isRecord(fields)) return fault("call", argument, "an object");
  const known = faultInFields(fields, argumentsOf[update]);
  if (known) return known;
  const missing = needed[update];
  if (missing !== undefined && fields[missing] === undefined) return fault(missing, undefined, "a list");
  if (update === "run") {
    const wrong = faultInRun(fields);
    if (wrong) return wrong;
  }
  const bytes = utf8Length(JSON.stringify(fields));
  if (bytes <= maximumArgumentBytes) return undefined;
  const allowed = `${maximumArgumentBytes}; larger code, stdin and files must be in the artifact store`;
  return { field: "call", message: `call: got ${bytes} bytes of JSON; allowed is ${allowed}` };
}

/** Checks the input of a session as far as the workflow uses it. */
export function faultInSession(session: unknown): InputFault | undefined {
  const tooDeepAt = faultInDepth("session", session);
  if (tooDeepAt) return tooDeepAt;
  return session === undefined || session === null || isRecord(session)
    ? undefined
    : fault("session", session, "an object with the fields of a session");
}

/** Checks the second argument of a session, which only kgents sets. */
export function faultInSettings(settings: unknown): InputFault | undefined {
  if (settings === undefined || settings === null) return undefined;
  if (!isRecord(settings)) return fault("settings", settings, "an object");
  const { updates, history } = settings;
  const isWhole = (value: unknown, most: number) =>
    value === undefined || (Number.isInteger(value) && Number(value) >= 1 && Number(value) <= most);
  if (!isWhole(updates, 1000)) return fault("settings.updates", updates, "a whole number from 1 to 1000");
  const most = 4 * 2 ** 20;
  return isWhole(history, most) ? undefined : fault("settings.history", history, `a whole number from 1 to ${most}`);
}

/**
 * An Agent's `config`: free settings, whose form the API server does not know. What is wrong in it is found by the
 * command line and by the operator, which then does not accept the Agent.
 *
 * @module
 */
import { z } from "zod";
import { utf8Length } from "../text/bytes.ts";

const maximumBytes = 65_536;
const allowed = `an object of at most 64 KiB of JSON`;

/** The variables that each container of an Agent has beside those of `config`. */
export const ownVariables = {
  name: "KGENTS_AGENT_NAME",
  namespace: "KGENTS_AGENT_NAMESPACE",
  genus: "KGENTS_GENUS",
  port: "KGENTS_PORT",
} as const;

/** The variable of a setting: `log-level` is `KGENTS_LOG_LEVEL`. */
export const variableOf = (key: string): string => `KGENTS_${key.replaceAll(/[^A-Za-z0-9]/g, "_").toUpperCase()}`;

type Scalar = string | number | boolean;

const isScalar = (value: unknown): value is Scalar => ["string", "number", "boolean"].includes(typeof value);

/** The settings that have a variable: those with a plain value. */
export const configVariables = (
  config: Readonly<Record<string, unknown>>,
): readonly { readonly name: string; readonly value: string }[] =>
  Object.entries(config).flatMap(([key, value]) =>
    isScalar(value) ? [{ name: variableOf(key), value: String(value) }] : [],
  );

/** Reports settings that cannot have the variable of their name. */
function checkVariables({ value: config, issues }: z.core.ParsePayload<Record<string, unknown>>): void {
  const report = (key: string, message: string): void => {
    issues.push({ code: "custom", input: config[key], path: [key], message });
  };
  const owners = new Map<string, string>(Object.values(ownVariables).map((name) => [name, "kgents itself"]));
  for (const [key, value] of Object.entries(config)) {
    if (!isScalar(value)) continue;
    const name = variableOf(key);
    const owner = owners.get(name);
    if (owner !== undefined) report(key, `another name: its variable ${name} is set by ${owner}`);
    else if (typeof value === "string" && value.includes("\0")) report(key, "text without NUL");
    owners.set(name, `config.${key}`);
  }
}

/** The schema of `config`. */
export const configField = () =>
  z
    .record(z.string(), z.unknown(), { error: allowed })
    .refine((config) => utf8Length(JSON.stringify(config)) <= maximumBytes, { error: allowed })
    .check(checkVariables)
    .meta({ "x-kubernetes-preserve-unknown-fields": true });

/**
 * What a configuration file in the working directory may set. It may have come with somebody else's repository, so it can only lower
 * limits and say which language files are of; everything else is the user's own configuration.
 *
 * @module
 */

import { KgentsError } from "../contract/error.ts";
import { findLanguage, type Language } from "../contract/language.ts";
import { validateRequest } from "../contract/parse-request.ts";
import { describeValue, refuse } from "../contract/refusal.ts";
import type { ExecutionSpec } from "../contract/request.ts";
import { formatDuration } from "../text/duration.ts";
import { formatBytes, formatCpu } from "../text/quantity.ts";
import { type Configuration, parseConfiguration } from "./configuration.ts";
import { mergeLanguages } from "./language-settings.ts";

/** How each limit that may be lowered is written. */
const limits = {
  timeout: formatDuration,
  startupTimeout: formatDuration,
  cpu: formatCpu,
  memory: formatBytes,
  disk: formatBytes,
  ttl: formatDuration,
} as const satisfies Partial<Record<keyof ExecutionSpec, (value: number) => string>>;

type Limit = keyof typeof limits;

const limitNames = ["timeout", "startupTimeout", "cpu", "memory", "disk", "ttl"] as const satisfies readonly Limit[];

const allowedDefaults: readonly string[] = [...limitNames, "language"];

const allowedThere = `defaults of ${allowedDefaults.join(", ")}, and the extensions of languages`;

/** Says which field is none of those that are allowed. */
const notAllowed = (field: string): KgentsError =>
  new KgentsError(
    "invalid-configuration",
    `${field}: not allowed in a file of the working directory, which may set ${allowedThere}`,
    {
      field,
    },
  );

const fieldsOf = (value: unknown): [name: string, value: unknown][] =>
  typeof value === "object" && value !== null ? Object.entries(value) : [];

/** Refuses what is set and not allowed, in the order in which it is written. */
function refuseOthers(content: unknown): void {
  for (const [section, value] of fieldsOf(content)) {
    if (section === "defaults") {
      const other = fieldsOf(value).find(([name]) => !allowedDefaults.includes(name));
      if (other) throw notAllowed(`defaults.${other[0]}`);
    } else if (section === "languages") {
      for (const [language, settings] of fieldsOf(value)) {
        const other = fieldsOf(settings).find(([name]) => name !== "extensions");
        if (other) throw notAllowed(`languages.${language}.${other[0]}`);
      }
    } else throw notAllowed(section);
  }
}

/** What a request that says nothing would get. */
const limitsWith = (defaults: Configuration["defaults"]): Pick<ExecutionSpec, Limit> =>
  validateRequest({ code: "any", ...defaults });

function refuseHigher(own: Configuration["defaults"], project: Configuration["defaults"]): void {
  const [most, asked] = [limitsWith(own), limitsWith({ ...own, ...project })];
  for (const name of limitNames) {
    if (asked[name] <= most[name]) continue;
    const allowed = `at most ${limits[name](most[name])} in a file of the working directory, as without it`;
    throw refuse("invalid-configuration", `defaults.${name}`, describeValue(project[name], false), allowed);
  }
}

/** Refuses a language that the user's own configuration does not know. */
function refuseUnknown(languages: readonly Language[], project: Configuration["languages"]): void {
  for (const name of Object.keys(project))
    if (!languages.some((language) => language.name === name)) throw notAllowed(`languages.${name}`);
}

/**
 * Lays a file of the working directory over the user's own configuration.
 *
 * @param content what the file holds
 * @throws KgentsError `invalid-configuration`, naming the field and what is allowed
 */
export function applyProjectSettings(
  own: Configuration,
  content: unknown,
  builtIn: readonly Language[],
): Configuration {
  const { defaults, languages } = parseConfiguration(content);
  refuseOthers(content);
  const known = mergeLanguages(builtIn, own);
  refuseUnknown(known, languages);
  refuseHigher(own.defaults, defaults);
  if (defaults.language !== undefined) findLanguage(known, defaults.language);
  const extended = Object.entries(languages).map(([name, settings]) => [name, { ...own.languages[name], ...settings }]);
  const merged = { ...own.languages, ...Object.fromEntries(extended) };
  // An extension that would mean two languages is refused here, and not by each who reads them.
  mergeLanguages(builtIn, { languages: merged });
  return { ...own, defaults: { ...own.defaults, ...defaults }, languages: merged };
}

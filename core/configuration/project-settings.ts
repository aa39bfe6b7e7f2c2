/**
 * What a configuration file in the working directory may set. The file may come from an untrusted repository, so it can
 * only lower limits, set the default language and map file extensions to languages. Everything else is set in the
 * user's own configuration.
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

/** The formatter of each limit that may be lowered. */
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

/** The error for a field that the file may not set. */
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

/** Refuses the first field, in file order, that the file may not set. */
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

/** The limits of a request that sets none, with these defaults. */
const limitsWith = (defaults: Configuration["defaults"]): Pick<ExecutionSpec, Limit> =>
  validateRequest({ code: "any", ...defaults });

function refuseHigher(own: Configuration["defaults"], project: Configuration["defaults"]): void {
  const [most, asked] = [limitsWith(own), limitsWith({ ...own, ...project })];
  for (const name of limitNames) {
    if (asked[name] <= most[name]) continue;
    const allowed = `at most ${limits[name](most[name])} in a file of the working directory, which cannot raise limits`;
    throw refuse("invalid-configuration", `defaults.${name}`, describeValue(project[name], false), allowed);
  }
}

/** Refuses a language that is neither built in nor in the user's own configuration. */
function refuseUnknown(languages: readonly Language[], project: Configuration["languages"]): void {
  for (const name of Object.keys(project))
    if (!languages.some((language) => language.name === name)) throw notAllowed(`languages.${name}`);
}

/**
 * Applies a file of the working directory to the user's own configuration.
 *
 * @param content the parsed content of the file
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
  // Validates the merged languages once, so that their readers need not: an extension must not map to two languages.
  mergeLanguages(builtIn, { languages: merged });
  return { ...own, defaults: { ...own.defaults, ...defaults }, languages: merged };
}

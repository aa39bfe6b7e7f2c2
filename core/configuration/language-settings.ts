/**
 * Languages that the configuration adds or overrides.
 *
 * @module
 */
import { z } from "zod";
import { fileNameField, imageField, list, processText, record, strict, textLike } from "../contract/fields.ts";
import type { Language } from "../contract/language.ts";
import { refuse } from "../contract/refusal.ts";

// The name becomes a Kubernetes label value. Lower case, because languages are looked up in lower case.
const name = /^[a-z0-9](?:[a-z0-9._-]{0,30}[a-z0-9])?$/;
const nameRule = "1 to 32 of a-z 0-9 . _ -, with a letter or digit at both ends";
const extensionsRule = "at most 16 file name extensions, in lower case, without the dot";
const fileNameRule = "a file name without folders";
const commandRule = "a list of 1 to 64 words: the interpreter, without `=` in its name, and its arguments";
const languagesRule = `at most 64 languages; each name ${nameRule}`;

/** The schema of `languages`. */
export const languageSettings = record(
  z.string().regex(name, { error: languagesRule }),
  strict(
    {
      aliases: list(textLike(name, nameRule), 16, `at most 16 names, each ${nameRule}`).optional(),
      fileName: fileNameField()
        .refine((value) => !value.includes("/"), { error: fileNameRule })
        .optional(),
      extensions: list(textLike(/^[a-z0-9_+-]{1,16}$/, extensionsRule), 16, extensionsRule).optional(),
      image: imageField().optional(),
      command: list(processText(4096, commandRule).min(1, { error: commandRule }), 64, commandRule)
        // env(1) starts the command in a cell, and reads a first word with `=` as a variable assignment.
        .refine(([first]) => first !== undefined && !first.includes("="), { error: commandRule })
        .optional(),
    },
    "an object with any of aliases, fileName, extensions, image, command",
  ),
  64,
  languagesRule,
);

type Settings = z.output<typeof languageSettings>[string];

const refuseAt = (path: string, got: string, allowed: string): Error =>
  refuse("invalid-configuration", `languages.${path}`, got, allowed);

const extensionsOf = (fileName: string): string[] => /\.([^./]+)$/.exec(fileName)?.slice(1) ?? [];

function combine(key: string, known: Language | undefined, settings: Settings): Language {
  const { aliases = known?.aliases ?? [], fileName = known?.fileName, image = known?.image } = settings;
  const command = settings.command ?? known?.command;
  const missing = (name: string): Error =>
    refuseAt(`${key}.${name}`, "nothing", "a value: a new language needs fileName, image and command");
  if (fileName === undefined) throw missing("fileName");
  if (image === undefined) throw missing("image");
  if (command === undefined) throw missing("command");
  const extensions = settings.extensions ?? known?.extensions ?? [];
  // The extension of `fileName` always maps to the language, in addition to the listed ones.
  return {
    name: key,
    aliases,
    fileName,
    image,
    command,
    // An overridden command or image may not support the version flags.
    ...(known?.versionFlags && !settings.command && !settings.image ? { versionFlags: known.versionFlags } : {}),
    extensions: [...new Set([...extensions, ...extensionsOf(fileName)])],
  };
}

/** Refuses a word (name, alias or extension) that two languages share. */
function checkClashes(
  languages: readonly Language[],
  what: (language: Language) => readonly string[],
  field: string,
): void {
  const owners = new Map<string, string>();
  for (const language of languages) {
    for (const word of what(language)) {
      const owner = owners.get(word);
      if (owner !== undefined) {
        throw refuseAt(`${language.name}.${field}`, `${JSON.stringify(word)}, which ${owner} has`, "each once");
      }
      owners.set(word, language.name);
    }
  }
}

/**
 * Merges the built-in languages with the configured ones.
 *
 * @throws KgentsError `invalid-configuration` if a new language lacks a required field, or two languages share a name,
 *   alias or extension
 */
export function mergeLanguages(
  builtIn: readonly Language[],
  { languages }: { readonly languages: Readonly<Record<string, Settings>> },
): Language[] {
  for (const key of Object.keys(languages)) {
    const owner = builtIn.find((language) => language.aliases.includes(key));
    if (owner) throw refuseAt(key, `an alias of ${owner.name}`, `that language's name, or an unused name`);
  }
  const changed = builtIn.map((language) => {
    const settings = languages[language.name];
    return settings ? combine(language.name, language, settings) : language;
  });
  const added = Object.entries(languages)
    .filter(([key]) => !builtIn.some((language) => language.name === key))
    .map(([key, settings]) => combine(key, undefined, settings));
  const merged = [...changed, ...added];
  checkClashes(merged, (language) => [language.name, ...language.aliases], "aliases");
  checkClashes(merged, (language) => language.extensions, "extensions");
  return merged;
}

/**
 * Languages as the configuration adds and changes them.
 *
 * @module
 */
import { z } from "zod";
import { fileNameField, imageField, list, processText, record, strict, textLike } from "../contract/fields.ts";
import type { Language } from "../contract/language.ts";
import { refuse } from "../contract/refusal.ts";

// What a label of Kubernetes can hold, in lower case because languages are looked up so.
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
        // env(1), which starts the command in a cell, takes a first word with `=` for a variable.
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
  if (fileName === undefined || image === undefined || command === undefined) {
    const missing = fileName === undefined ? "fileName" : image === undefined ? "image" : "command";
    throw refuseAt(`${key}.${missing}`, "nothing", "a value: a new language needs fileName, image and command");
  }
  const extensions = settings.extensions ?? known?.extensions ?? [];
  // The file name's own extension means the language, whatever else does.
  return {
    name: key,
    aliases,
    fileName,
    image,
    command,
    // Of another command or image nobody knows what it takes.
    ...(known?.versionFlags && !settings.command && !settings.image ? { versionFlags: known.versionFlags } : {}),
    extensions: [...new Set([...extensions, ...extensionsOf(fileName)])],
  };
}

/** Refuses what would mean two languages at once. */
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
 * The languages with what the configuration adds and changes.
 *
 * @throws KgentsError `invalid-configuration` where a new language lacks something, or a name, alias or extension would mean two
 */
export function mergeLanguages(
  builtIn: readonly Language[],
  { languages }: { readonly languages: Readonly<Record<string, Settings>> },
): Language[] {
  for (const key of Object.keys(languages)) {
    const owner = builtIn.find((language) => language.aliases.includes(key));
    if (owner) throw refuseAt(key, `an alias of ${owner.name}`, `that name, or one that is free`);
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

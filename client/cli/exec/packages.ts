/**
 * The packages that flags ask for.
 *
 * @module
 */
import { readFile } from "node:fs/promises";
import { mergeLanguages } from "#core/configuration/configuration";
import { builtInLanguages, findLanguage } from "#core/contract/language";
import type { ExecutionRequest } from "#core/contract/request";
import { ecosystemOf } from "#core/packages/environment";
import { readRequirements } from "#core/packages/requirements-file";
import { loadConfiguration } from "#platform/host/configuration-file";
import { faultOf } from "../../sdk/input-files/fault.ts";
import { refuse } from "./code-source.ts";
import type { ExecFlags } from "./exec-command.ts";

/** The flags that concern packages. */
type PackageFlags = Pick<ExecFlags, "with" | "requirements" | "inlinePackages" | "config">;

async function requirementsOf(path: string | undefined): Promise<string[]> {
  if (path === undefined) return [];
  const content = await readFile(path, "utf8").catch((error) => {
    throw faultOf(error, path, "--requirements");
  });
  const read = readRequirements(content);
  if (Array.isArray(read)) return read;
  throw refuse("--requirements", `${path}, line ${read.line}: got ${read.got}; allowed is ${read.allowed}`);
}

/** Whether the packages of `--with` are those of npm, by the language of the code. */
async function isNpm(language: string | undefined, config: string | undefined): Promise<boolean> {
  const { configuration } = await loadConfiguration({ path: config });
  const name = language ?? configuration.defaults.language ?? "python";
  return ecosystemOf(findLanguage(mergeLanguages(builtInLanguages, configuration), name).command) === "npm";
}

/**
 * The packages of a request; undefined if no flag concerns them.
 *
 * @param language that of the code; undefined for the default language
 * @throws KgentsError `invalid-request`, naming the flag
 */
export async function packagesOf(
  flags: PackageFlags,
  language: string | undefined,
): Promise<ExecutionRequest["packages"]> {
  const { with: named = [], requirements, inlinePackages, config } = flags;
  // Commands that do not have the flag leave it undefined.
  const isOff = inlinePackages === false;
  const inline = isOff ? { inline: false } : {};
  const listed = await requirementsOf(requirements);
  if (named.length === 0 && listed.length === 0) return isOff ? inline : undefined;
  if (named.length > 0 && (await isNpm(language, config))) {
    return { npm: named, ...(listed.length > 0 && { python: listed }), ...inline };
  }
  return { python: [...named, ...listed], ...inline };
}

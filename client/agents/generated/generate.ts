/**
 * Keeps a directory of generated Agents in step with their spec files.
 *
 * @module
 */
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join, relative, resolve, sep } from "node:path";
import { KgentsError } from "#core/contract/error";
import { isMissing } from "#platform/host/error-code";
import type { WrittenAgent } from "../specs/spec-file.ts";
import { agentFile, agentFileName, isGenerated } from "./agent-yaml.ts";

/** What has to be done in the directory, by the names of files. */
export interface GeneratePlan {
  /** The texts of files that are new or differ. */
  readonly write: ReadonlyMap<string, string>;
  /** Generated files whose spec file is gone. */
  readonly remove: readonly string[];
  readonly unchanged: readonly string[];
  /** Files that are in the way and were not generated. */
  readonly foreign: readonly string[];
}

const withUnixLines = (text: string): string => text.replaceAll("\r\n", "\n");

/**
 * Compares. Line ends do not count: git may have changed them.
 *
 * @param wanted the texts of all files
 * @param existing the texts of the directory's files
 * @param isAll whether `wanted` is all of them, so that other generated files are to be removed
 */
export function planGenerate(
  wanted: ReadonlyMap<string, string>,
  existing: ReadonlyMap<string, string>,
  isAll: boolean,
): GeneratePlan {
  const write = new Map<string, string>();
  const unchanged: string[] = [];
  const foreign: string[] = [];
  for (const [name, text] of wanted) {
    const found = existing.get(name);
    if (found !== undefined && !isGenerated(found)) foreign.push(name);
    else if (found !== undefined && withUnixLines(found) === text) unchanged.push(name);
    else write.set(name, text);
  }
  const others = [...existing].filter(([name, text]) => isAll && !wanted.has(name) && isGenerated(text));
  return { write, remove: others.map(([name]) => name).sort(), unchanged, foreign };
}

/** The texts of the files that a directory should have, by name. */
export function generatedFiles(agents: readonly WrittenAgent[], directory: string): ReadonlyMap<string, string> {
  const files = agents.map(({ agent, file }): [string, string] => {
    const source = relative(resolve(directory), resolve(file)).split(sep).join("/");
    return [agentFileName(agent), agentFile(agent, source)];
  });
  return new Map(files.sort(([left], [right]) => (left < right ? -1 : 1)));
}

/** The texts of the YAML files of a directory; none if it does not exist. */
export async function existingFiles(directory: string): Promise<ReadonlyMap<string, string>> {
  const entries = await readdir(directory, { withFileTypes: true }).catch((error) => {
    if (isMissing(error)) return [];
    throw error;
  });
  const names = entries.filter((entry) => entry.isFile() && entry.name.endsWith(".yaml")).map(({ name }) => name);
  const texts = await Promise.all(names.map((name) => readFile(join(directory, name), "utf8")));
  return new Map(names.map((name, index) => [name, texts[index] ?? ""]));
}

/** @throws KgentsError `invalid-request` if a file is in the way that was not generated */
export function refuseForeignFiles(directory: string, { foreign }: GeneratePlan): void {
  if (foreign.length === 0) return;
  const paths = foreign.map((name) => join(directory, name)).join(", ");
  throw new KgentsError("invalid-request", `${paths}: was not generated, and is not replaced`, {
    field: "--output",
    remedy: "Move it, or name another directory with --output.",
  });
}

/** Carries out a plan. Makes the directory if it is missing. */
export async function carryOutGenerate(directory: string, { write, remove }: GeneratePlan): Promise<void> {
  await mkdir(directory, { recursive: true });
  for (const [name, text] of write) await writeFile(join(directory, name), text);
  for (const name of remove) await rm(join(directory, name), { force: true });
}

/**
 * Determines the language of code: from the flag, else from the file's extension, else from its first line.
 *
 * @module
 */

import { open } from "node:fs/promises";
import { basename, extname } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { mergeLanguages } from "#core/configuration/configuration";
import { KgentsError } from "#core/contract/error";
import { builtInLanguages, findLanguage, type Language, languageOfFile } from "#core/contract/language";
import { type ExecutionRequest, isSafeFileName } from "#core/contract/request";
import { messageOf } from "#core/text/message-of";
import { languageOfProgram, programOfShebang } from "#core/text/shebang";
import { loadConfiguration } from "#platform/host/configuration-file";
import type { FoundFile } from "../../sdk/input-files/find-files.ts";
import type { InputFiles } from "../../sdk/input-files/read-files.ts";
import { type ReadCode, refuse, type Source, shebangBytes } from "./code-source.ts";
import type { ExecFlags } from "./exec-command.ts";

/** The first bytes of an input file; empty if it can be read only once, such as a pipe. */
async function headOf({ path, name }: Pick<FoundFile, "path" | "name">): Promise<string> {
  const file = await open(path);
  try {
    if (!(await file.stat()).isFile()) return "";
    const { buffer, bytesRead } = await file.read({ buffer: Buffer.alloc(shebangBytes), position: 0 });
    return buffer.toString("utf8", 0, bytesRead);
  } catch (error) {
    throw refuse("--entrypoint", `${name}: it cannot be read: ${messageOf(error)}`);
  } finally {
    await file.close();
  }
}

const fieldOf = (source: Source): string => (source.kind === "stdin" ? "code" : `--${source.kind}`);

function unknownLanguage(source: Source, what: string, known: string): KgentsError {
  const field = fieldOf(source);
  const place = "path" in source ? `${source.path}: ` : "";
  return new KgentsError("unsupported-language", `${field}: ${place}${what}; known are ${known}`, {
    field,
    remedy: "Set the language with --lang.",
  });
}

function languageOfScript(languages: readonly Language[], source: Source, head: string): Language | undefined {
  const program = programOfShebang(head);
  if (program === undefined) return undefined;
  const language = languageOfProgram(languages, program);
  if (language) return language;
  const known = languages.flatMap(({ name, aliases }) => [name, ...aliases]).join(", ");
  throw unknownLanguage(
    source,
    `its first line names ${JSON.stringify(program)}, which is the interpreter of no known language`,
    known,
  );
}

const isScript = (head: string): boolean => head.startsWith("#!");

/** The code of a request and its language; undefined for the default language. */
export interface FoundCode {
  readonly request: ExecutionRequest;
  readonly language: string | undefined;
}

/**
 * Puts code into a request. The language is that of the flag, else of the file's extension, else of the script's first
 * line.
 *
 * @param found the input files, which include the entry point
 * @throws KgentsError `unsupported-language` if the extension or the first line names an unknown language
 */
export async function languageAndCode(
  source: Source,
  flags: ExecFlags,
  read: ReadCode | undefined,
  found: readonly FoundFile[],
): Promise<FoundCode> {
  const request: ExecutionRequest =
    read === undefined ? { entrypoint: "path" in source ? source.path : "" } : { code: read.content };
  const said = flags.lang;
  const path = "path" in source ? source.path : "";
  if (path === "" && (said !== undefined || !isScript(read?.head ?? ""))) return { request, language: said };
  const { configuration } = await loadConfiguration({ path: flags.config });
  const languages = mergeLanguages(builtInLanguages, configuration);
  if (said !== undefined) return { request, language: said };
  const entry = found.find(({ name }) => source.kind === "entrypoint" && name === path);
  const byExtension = languageOfFile(languages, path);
  const head = byExtension ? "" : (read?.head ?? (entry ? await headOf(entry) : ""));
  const language = (byExtension ?? languageOfScript(languages, source, head))?.name ?? configuration.defaults.language;
  if (language !== undefined || extname(path) === "") return { request, language };
  const known = languages.flatMap(({ extensions }) => extensions.map((extension) => `.${extension}`)).join(", ");
  throw unknownLanguage(source, `no language has the extension ${extname(path)}`, known);
}

/**
 * Keeps the extension of a file if its language alone does not imply it: `.mjs` and `.cjs` are kinds of JavaScript. The
 * file then becomes an input file and the entry point.
 */
export async function keepExtension(
  source: Source,
  { request, language }: FoundCode,
  files: InputFiles,
  config: string | undefined,
): Promise<{ readonly request: ExecutionRequest; readonly files: InputFiles }> {
  const unchanged = { request, files };
  if (source.kind !== "file" || request.code === undefined || language === undefined) return unchanged;
  const { configuration } = await loadConfiguration({ path: config });
  const { fileName, extensions } = findLanguage(mergeLanguages(builtInLanguages, configuration), language);
  const extension = extname(source.path);
  if (extension === extname(fileName) || !extensions.includes(extension.slice(1))) return unchanged;
  const own = basename(source.path);
  const name = isSafeFileName(own) ? own : `main${extension}`;
  const isThere = files.some((file) => file.name === name && isDeepStrictEqual(file.content, request.code));
  const { code, ...rest } = request;
  return { request: { ...rest, entrypoint: name }, files: isThere ? files : [...files, { name, content: code }] };
}

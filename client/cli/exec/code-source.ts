/**
 * Where the code of a command comes from.
 *
 * @module
 */
import { KgentsError } from "#core/contract/error";
import type { Content } from "#core/contract/request";
import { fileContent, type StoreFinder, streamContent } from "../../sdk/offload.ts";
import type { Reporter } from "../terminal/reporter.ts";
import type { ExecFlags } from "./exec-command.ts";

/** After this time without code on standard input, a message says that the command waits for it. */
const silenceMilliseconds = 2000;

/** How many bytes of a script's first line Linux reads. */
export const shebangBytes = 256;

/** Creates the error for an invalid field. */
export const refuse = (field: string, message: string, remedy = "See `kgents exec --help`."): KgentsError =>
  new KgentsError("invalid-request", `${field}: ${message}`, { field, remedy });

/** One place that code comes from. */
export type Source =
  | { readonly kind: "code"; readonly code: string }
  | { readonly kind: "file"; readonly path: string }
  | { readonly kind: "entrypoint"; readonly path: string }
  | { readonly kind: "stdin" };

const howToGiveCode = "Pass the code with --code CODE, --file FILE, --entrypoint NAME, or through a pipe.";

/** Decides which source the code comes from. Exactly one is allowed. */
export function sourceOf(argument: string | undefined, flags: ExecFlags): Source {
  if (argument !== undefined && argument !== "-") {
    throw refuse("argument", `got ${JSON.stringify(argument)}; allowed is only - for standard input`, howToGiveCode);
  }
  const given = [argument, flags.code, flags.file, flags.entrypoint].filter((value) => value !== undefined);
  if (given.length > 1) {
    throw refuse("--code", "got more than one of --code, --file, --entrypoint and -; allowed is one");
  }
  if (flags.entrypoint !== undefined) return { kind: "entrypoint", path: flags.entrypoint };
  if (flags.code !== undefined) return { kind: "code", code: flags.code };
  if (flags.file !== undefined && flags.file !== "-") return { kind: "file", path: flags.file };
  if (flags.file === "-" || argument === "-" || !process.stdin.isTTY) return { kind: "stdin" };
  throw refuse("--code", "got no code", howToGiveCode);
}

/** Code with its first bytes, where they are known. */
export interface ReadCode {
  readonly content: Content;
  readonly head: string;
}

async function codeFromStandardInput(store: StoreFinder, reporter: Reporter): Promise<ReadCode> {
  const hint = setTimeout(() => {
    if (process.stdin.bytesRead === 0) reporter.say("waiting for the code on standard input");
  }, silenceMilliseconds);
  try {
    let head = "";
    const content = await streamContent(process.stdin, store, (first) => {
      head = first.toString("utf8", 0, shebangBytes);
    });
    if (content === "") throw refuse("code", "got nothing from standard input", howToGiveCode);
    return { content, head };
  } finally {
    clearTimeout(hint);
  }
}

/** Reads the code; undefined if it is one of the input files. */
export async function readCode(source: Source, store: StoreFinder, reporter: Reporter): Promise<ReadCode | undefined> {
  if (source.kind === "entrypoint") return undefined;
  if (source.kind === "code") return { content: source.code, head: source.code.slice(0, shebangBytes) };
  if (source.kind === "stdin") return codeFromStandardInput(store, reporter);
  let head = "";
  const content = await fileContent(source.path, "--file", store, (first) => {
    head = first.toString("utf8", 0, shebangBytes);
  });
  if (content === "") throw refuse("--file", `${source.path}: the file is empty`);
  return { content, head };
}

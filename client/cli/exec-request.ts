import { extname } from "node:path";
import { loadConfiguration } from "../../activities/host/configuration-file.ts";
import { mergeLanguages } from "../../core/configuration.ts";
import { KgentsError } from "../../core/error.ts";
import { builtInLanguages, languageOfFile } from "../../core/language.ts";
import { validateRequest } from "../../core/parse-request.ts";
import type { Content, ExecutionRequest } from "../../core/request.ts";
import { type FileSource, findFiles } from "../input-files/find-files.ts";
import { readFiles } from "../input-files/read-files.ts";
import { fileContent, type StoreFinder, streamContent } from "../offload.ts";
import type { ExecFlags } from "./exec-command.ts";
import type { Voice } from "./voice.ts";

/** Who waits this long for code that nobody sends is told what is waited for. */
const silenceMilliseconds = 2000;

const refuse = (field: string, message: string, remedy = "See `kgents exec --help`."): KgentsError =>
  new KgentsError("invalid-request", `${field}: ${message}`, { field, remedy });

/** Reads `NAME=value` pairs. */
export function pairs(flag: string, values: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    values.map((value) => {
      const at = value.indexOf("=");
      if (at <= 0) {
        throw refuse(flag, `got ${JSON.stringify(value)}; allowed is name=value`, `Write it as ${flag} name=value.`);
      }
      return [value.slice(0, at), value.slice(at + 1)];
    }),
  );
}

type Source =
  | { readonly kind: "code"; readonly code: string }
  | { readonly kind: "file"; readonly path: string }
  | { readonly kind: "entrypoint"; readonly path: string }
  | { readonly kind: "stdin" };

const howToGiveCode = "Give the code by --code CODE, --file FILE, --entrypoint NAME, or a pipe.";

/** Decides where the code comes from: exactly one place. */
function sourceOf(argument: string | undefined, flags: ExecFlags): Source {
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

/** Splits `PATH[:name]`; a path that has a colon itself wins by being given a name. */
function inputOf(value: string): FileSource {
  const at = value.lastIndexOf(":");
  return at > 0 && at < value.length - 1 ? { path: value.slice(0, at), name: value.slice(at + 1) } : { path: value };
}

async function codeFromStandardInput(store: StoreFinder, voice: Voice): Promise<Content> {
  const hint = setTimeout(() => {
    if (process.stdin.bytesRead === 0) voice.say("waiting for the code on standard input");
  }, silenceMilliseconds);
  try {
    const code = await streamContent(process.stdin, store);
    if (code === "") throw refuse("code", "got nothing from standard input", howToGiveCode);
    return code;
  } finally {
    clearTimeout(hint);
  }
}

async function readCode(source: Source, store: StoreFinder, voice: Voice): Promise<ExecutionRequest> {
  if (source.kind === "code") return { code: source.code };
  if (source.kind === "entrypoint") return { entrypoint: source.path };
  if (source.kind === "stdin") return { code: await codeFromStandardInput(store, voice) };
  const code = await fileContent(source.path, "--file", store);
  if (code === "") throw refuse("--file", `${source.path}: it is empty; allowed is code`);
  return { code };
}

/** The language: as it is said, or else as the file's extension has it. */
async function languageOf(source: Source, flags: ExecFlags): Promise<string | undefined> {
  if (flags.lang !== undefined || !("path" in source)) return flags.lang;
  const { configuration } = await loadConfiguration({ path: flags.config });
  const languages = mergeLanguages(builtInLanguages, configuration);
  const language = languageOfFile(languages, source.path)?.name ?? configuration.defaults.language;
  if (language !== undefined || extname(source.path) === "") return language;
  const known = languages.flatMap(({ extensions }) => extensions.map((extension) => `.${extension}`)).join(", ");
  throw new KgentsError(
    "unsupported-language",
    `--${source.kind}: ${source.path}: no language has the extension ${extname(source.path)}; known are ${known}`,
    { field: `--${source.kind}`, remedy: "Say the language with --lang." },
  );
}

/**
 * Makes the request that the flags mean, and checks it.
 *
 * @param store asked for only where there is large content to be put into it
 * @throws KgentsError `invalid-request`
 */
export async function requestOf(
  argument: string | undefined,
  flags: ExecFlags,
  store: StoreFinder,
  voice: Voice,
): Promise<ExecutionRequest> {
  const fields = fieldsOf(flags);
  // Before anything is read: a flag whose value was forgotten has taken the next flag for it, and that is the mistake.
  validateRequest({ code: "any", ...fields });
  const source = sourceOf(argument, flags);
  if (source.kind === "stdin" && flags.stdin === "-") {
    throw refuse("--stdin", "got -, but the code itself comes from standard input");
  }
  const language = await languageOf(source, flags);
  const found = await findFiles((flags.input ?? []).map(inputOf), "--input");
  const code = await readCode(source, store, voice);
  const files = await readFiles(found, "--input", store);
  const stdin =
    flags.stdin === undefined
      ? undefined
      : flags.stdin === "-"
        ? await streamContent(process.stdin, store)
        : await fileContent(flags.stdin, "--stdin", store);
  const request: ExecutionRequest = {
    ...code,
    ...fields,
    ...(language === undefined ? {} : { language }),
    ...(stdin === undefined ? {} : { stdin }),
    ...(files.length === 0 ? {} : { files }),
  };
  validateRequest(request);
  return request;
}

/** The fields of the request that are flags as they stand; those that were not given are left to the defaults. */
export function fieldsOf(flags: Omit<ExecFlags, "code" | "file">): ExecutionRequest {
  const { timeout, startupTimeout, ttl, cpu, memory, disk, backend, image, network } = flags;
  const given = Object.entries({
    ...{ timeout, startupTimeout, ttl, cpu, memory, disk, backend, image, network },
    language: flags.lang,
    args: flags.arg,
    env: flags.env && pairs("--env", flags.env),
    labels: flags.label && pairs("--label", flags.label),
    outputs: flags.output,
    fallback: flags.fallback ? undefined : false,
  });
  return Object.fromEntries(given.filter(([, value]) => value !== undefined));
}

import { basename } from "node:path";
import { loadConfiguration } from "../../activities/host/configuration-file.ts";
import type { ArtifactStore } from "../../activities/store/artifact-store.ts";
import { mergeLanguages } from "../../core/configuration.ts";
import { KgentsError } from "../../core/error.ts";
import { builtInLanguages, languageOfFile } from "../../core/language.ts";
import type { Content, ExecutionRequest } from "../../core/request.ts";
import { fileContent, streamContent } from "../offload.ts";
import type { ExecFlags } from "./exec-command.ts";

const refuse = (field: string, message: string): KgentsError =>
  new KgentsError("invalid-request", `${field}: ${message}`, { field, remedy: "See `kgents exec --help`." });

/** Reads `NAME=value` pairs. */
function pairs(flag: string, values: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    values.map((value) => {
      const at = value.indexOf("=");
      if (at <= 0) throw refuse(flag, `got ${JSON.stringify(value)}; allowed is name=value`);
      return [value.slice(0, at), value.slice(at + 1)];
    }),
  );
}

type Source =
  | { readonly kind: "code"; readonly code: string }
  | { readonly kind: "file"; readonly path: string }
  | { readonly kind: "stdin" };

/** Decides where the code comes from: exactly one place. */
function sourceOf(argument: string | undefined, flags: ExecFlags): Source {
  if (argument !== undefined && argument !== "-") {
    throw refuse("argument", `got ${JSON.stringify(argument)}; allowed is - ; code is given by --code or --file`);
  }
  const given = [argument, flags.code, flags.file].filter((value) => value !== undefined);
  if (given.length > 1) throw refuse("--code", "got more than one of --code, --file and -; allowed is one");
  if (flags.code !== undefined) return { kind: "code", code: flags.code };
  if (flags.file !== undefined && flags.file !== "-") return { kind: "file", path: flags.file };
  if (flags.file === "-" || argument === "-" || !process.stdin.isTTY) return { kind: "stdin" };
  throw refuse("--code", "got no code; allowed is --code CODE, --file FILE, or a pipe");
}

/** Splits `FILE[:name]`; a file whose own name has a colon wins by being given a name. */
function inputOf(value: string): { path: string; name: string } {
  const at = value.lastIndexOf(":");
  return at > 0 && at < value.length - 1
    ? { path: value.slice(0, at), name: value.slice(at + 1) }
    : { path: value, name: basename(value) };
}

/**
 * Makes the request that the flags mean. Numbers and quantities are checked later, with all other fields.
 *
 * @param store where large content goes; undefined where it is out of reach
 * @throws KgentsError `invalid-request`
 */
export async function requestOf(
  argument: string | undefined,
  flags: ExecFlags,
  store: ArtifactStore | undefined,
): Promise<ExecutionRequest> {
  const source = sourceOf(argument, flags);
  if (source.kind === "stdin" && flags.stdin === "-") {
    throw refuse("--stdin", "got -, but the code itself comes from standard input");
  }
  const readStandardInput = (): Promise<Content> => streamContent(process.stdin, store);
  const code =
    source.kind === "code"
      ? source.code
      : source.kind === "file"
        ? await fileContent(source.path, "--file", store)
        : await readStandardInput();
  let language = flags.lang;
  if (language === undefined && source.kind === "file") {
    const { configuration } = await loadConfiguration({ path: flags.config });
    language = languageOfFile(mergeLanguages(builtInLanguages, configuration), source.path)?.name;
  }
  const files = await Promise.all(
    flags.input.map(async (value) => {
      const { path, name } = inputOf(value);
      return { name, content: await fileContent(path, "--input", store) };
    }),
  );
  const stdin =
    flags.stdin === undefined
      ? undefined
      : flags.stdin === "-"
        ? await readStandardInput()
        : await fileContent(flags.stdin, "--stdin", store);
  return {
    code,
    ...(language === undefined ? {} : { language }),
    ...(flags.arg.length === 0 ? {} : { args: flags.arg }),
    ...(flags.env.length === 0 ? {} : { env: pairs("--env", flags.env) }),
    ...(stdin === undefined ? {} : { stdin }),
    ...(files.length === 0 ? {} : { files }),
    ...(flags.output.length === 0 ? {} : { outputs: flags.output }),
    ...limitsOf(flags),
    ...(flags.network ? { network: true } : {}),
    ...(flags.backend === undefined ? {} : { backend: flags.backend }),
    ...(flags.fallback ? {} : { fallback: false }),
    ...(flags.image === undefined ? {} : { image: flags.image }),
    ...(flags.label.length === 0 ? {} : { labels: pairs("--label", flags.label) }),
  };
}

function limitsOf(flags: ExecFlags): Partial<ExecutionRequest> {
  const { timeout, startupTimeout, ttl, cpu, memory, disk } = flags;
  const given = Object.entries({ timeout, startupTimeout, ttl, cpu, memory, disk });
  return Object.fromEntries(given.filter(([, value]) => value !== undefined));
}

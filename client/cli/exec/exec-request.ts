import { lstat } from "node:fs/promises";
import { validateRequest } from "#core/contract/parse-request";
import type { Content, ExecutionRequest } from "#core/contract/request";
import { errorCode } from "#platform/host/error-code";
import { type FileSource, findFiles } from "../../sdk/input-files/find-files.ts";
import { readFiles } from "../../sdk/input-files/read-files.ts";
import { fileContent, type StoreFinder, streamContent } from "../../sdk/offload.ts";
import type { Reporter } from "../terminal/reporter.ts";
import { keepExtension, languageAndCode } from "./code-language.ts";
import { readCode, refuse, sourceOf } from "./code-source.ts";
import type { ExecFlags } from "./exec-command.ts";
import { packagesOf } from "./packages.ts";

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

const exists = (path: string): Promise<boolean> =>
  lstat(path).then(
    () => true,
    (error) => errorCode(error) !== "ENOENT" && errorCode(error) !== "ENOTDIR",
  );

/** Parses `PATH[:NAME]`. A value that is an existing path is taken whole, even with colons. */
export async function inputOf(value: string): Promise<FileSource> {
  const at = value.lastIndexOf(":");
  if (at <= 0 || at === value.length - 1 || (await exists(value))) return { path: value };
  const source = { path: value.slice(0, at), name: value.slice(at + 1) };
  if (await exists(source.path)) return source;
  throw refuse(
    "--input",
    `${value}: there is no such file, and no ${source.path} (the argument is read as PATH:NAME, where NAME is ${JSON.stringify(source.name)})`,
  );
}

/**
 * Creates the request from the flags and validates it.
 *
 * @param store called only if there is large content to store
 * @throws KgentsError `invalid-request`
 */
export async function requestOf(
  argument: string | undefined,
  flags: ExecFlags,
  store: StoreFinder,
  reporter: Reporter,
): Promise<ExecutionRequest> {
  const fields = fieldsOf(flags);
  // Validate the flags before reading anything. A flag whose value was forgotten takes the next flag as its value, and
  // that is the error to report.
  validateRequest({ code: "any", ...fields });
  if (flags.create && flags.session === undefined) {
    throw refuse("--create", "got it without --session; allowed is --session ID --create");
  }
  const source = sourceOf(argument, flags);
  if (source.kind === "stdin" && flags.stdin === "-") {
    throw refuse("--stdin", "got -, but the code itself comes from standard input");
  }
  const sources = await Promise.all((flags.input ?? []).map(inputOf));
  const found = await findFiles(sources, "--input");
  const read = await readCode(source, store, reporter);
  const code = await languageAndCode(source, flags, read, found);
  const inputs = await readFiles(found, "--input", store);
  const { request: start, files } = await keepExtension(source, code, inputs, flags.config);
  const packages = await packagesOf(flags, code.language);
  const stdin = flags.stdin === undefined ? undefined : await readStdin(flags.stdin, store);
  const request: ExecutionRequest = {
    ...start,
    ...fields,
    ...(code.language === undefined ? {} : { language: code.language }),
    ...(stdin === undefined ? {} : { stdin }),
    ...(packages === undefined ? {} : { packages }),
    ...(files.length === 0 ? {} : { files }),
  };
  validateRequest(request);
  return request;
}

/** Reads the value of `--stdin`: a file, or this process's standard input for `-`. */
const readStdin = (source: string, store: StoreFinder): Promise<Content> =>
  source === "-" ? streamContent(process.stdin, store) : fileContent(source, "--stdin", store);

/** The fields of the request that flags set directly. Flags that were not given are left out, so the defaults apply. */
export function fieldsOf(
  flags: Omit<ExecFlags, "code" | "file" | "with" | "requirements" | "inlinePackages">,
): ExecutionRequest {
  const { timeout, startupTimeout, ttl, cpu, memory, disk, backend, image, network } = flags;
  const given = Object.entries({
    timeout,
    startupTimeout,
    ttl,
    cpu,
    memory,
    disk,
    backend,
    image,
    network,
    language: flags.lang,
    args: flags.arg,
    env: flags.env && pairs("--env", flags.env),
    labels: flags.label && pairs("--label", flags.label),
    outputs: flags.output,
    fallback: flags.fallback ? undefined : false,
  });
  return Object.fromEntries(given.filter(([, value]) => value !== undefined));
}

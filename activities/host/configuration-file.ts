import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { parse } from "yaml";
import { type Configuration, parseConfiguration } from "../../core/configuration.ts";
import { KgentsError } from "../../core/error.ts";
import { errorCode } from "./error-code.ts";
import { kgentsPaths } from "./paths.ts";

const fileName = "kgents.config.yaml";

/** What concerns this machine and not the project whose directory we are in, and so is not taken from a file there. */
const ofTheMachine = ["worker", "artifacts", "retention"] as const;

/** A configuration with where it came from. */
export interface LoadedConfiguration {
  readonly configuration: Configuration;
  /** The file's path; null where there is none and everything is as built in. */
  readonly path: string | null;
  /** A hash of the file's content: a background worker that was started with another is restarted. */
  readonly hash: string;
}

/**
 * Reads kgents.config.yaml: the one that `--config` or `KGENTS_CONFIG` names, else the one in the working directory, else
 * the one in the user's configuration directory.
 *
 * A file found in the working directory may not set `worker`, `artifacts` or `retention`: it may have come with somebody
 * else's repository. The worker's policy is what keeps their code in its sandbox, and where and how long things are kept
 * decides what is deleted.
 *
 * @throws KgentsError `invalid-configuration`, naming the file and the place in it
 */
export async function loadConfiguration(
  options: { path?: string | undefined; environment?: NodeJS.ProcessEnv; directory?: string } = {},
): Promise<LoadedConfiguration> {
  const environment = options.environment ?? process.env;
  const named = options.path ?? environment.KGENTS_CONFIG;
  const own = join(kgentsPaths(environment).config, fileName);
  const here = resolve(options.directory ?? process.cwd(), fileName);
  const candidates = named
    ? [{ path: resolve(named), required: true, trusted: true }]
    : [
        { path: here, required: false, trusted: here === own },
        { path: own, required: false, trusted: true },
      ];
  for (const { path, required, trusted } of candidates) {
    const text = await readFile(path, "utf8").catch((error) => {
      if (errorCode(error) === "ENOENT" && !required) return undefined;
      throw unreadable(path, error);
    });
    if (text === undefined) continue;
    // A file without content says nothing, and that is no mistake.
    const content = parseYaml(path, text) ?? {};
    if (!trusted) refuseOfTheMachine(path, content, own);
    return { configuration: check(path, content), path, hash: hashOf(text) };
  }
  return { configuration: parseConfiguration({}), path: null, hash: hashOf("") };
}

const hashOf = (text: string): string => createHash("sha256").update(text).digest("hex").slice(0, 16);

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

function unreadable(path: string, cause: unknown): KgentsError {
  const why = errorCode(cause) === "ENOENT" ? "there is no such file" : `it cannot be read: ${messageOf(cause)}`;
  return new KgentsError("invalid-configuration", `${path}: ${why}`, {
    cause,
    remedy: "Name a file that can be read, with --config or KGENTS_CONFIG.",
  });
}

function parseYaml(path: string, text: string): unknown {
  try {
    return parse(text);
  } catch (error) {
    throw new KgentsError("invalid-configuration", `${path}: ${messageOf(error).trimEnd()}`, { cause: error });
  }
}

function refuseOfTheMachine(path: string, content: unknown, own: string): void {
  if (content === null || typeof content !== "object") return;
  const field = ofTheMachine.find((name) => Object.hasOwn(content, name));
  if (field === undefined) return;
  throw new KgentsError("invalid-configuration", `${path}: ${field}: not allowed in a file of the working directory`, {
    field,
    remedy: `Move it to ${own}, or name the file with --config or KGENTS_CONFIG.`,
  });
}

/** Checks the content; what is refused is said with the file's path. */
function check(path: string, content: unknown): Configuration {
  try {
    return parseConfiguration(content);
  } catch (error) {
    if (!(error instanceof KgentsError)) throw error;
    const { field, remedy } = error;
    throw new KgentsError(error.code, `${path}: ${error.message}`, { cause: error, field, remedy });
  }
}

import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { parse, YAMLParseError } from "yaml";
import { type Configuration, parseConfiguration } from "../../core/configuration.ts";
import { KgentsError } from "../../core/error.ts";
import { kgentsPaths } from "./paths.ts";

const fileName = "kgents.config.yaml";

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
 * A file found in the working directory may not set `worker`: it may have come with somebody else's repository, and the
 * worker's policy is what keeps their code in its sandbox.
 *
 * @throws KgentsError `invalid-configuration`
 */
export async function loadConfiguration(
  options: { path?: string | undefined; environment?: NodeJS.ProcessEnv; directory?: string } = {},
): Promise<LoadedConfiguration> {
  const environment = options.environment ?? process.env;
  const named = options.path ?? environment.KGENTS_CONFIG;
  const candidates = named
    ? [{ path: resolve(named), required: true, trusted: true }]
    : [
        { path: resolve(options.directory ?? process.cwd(), fileName), required: false, trusted: false },
        { path: join(kgentsPaths(environment).config, fileName), required: false, trusted: true },
      ];
  for (const { path, required, trusted } of candidates) {
    const text = await readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT" && !required) return undefined;
      throw new KgentsError("invalid-configuration", `${path} cannot be read: ${error.message}`, { cause: error });
    });
    if (text === undefined) continue;
    const content = parseYaml(path, text);
    if (!trusted && content !== null && typeof content === "object" && "worker" in content) {
      throw new KgentsError(
        "invalid-configuration",
        `${path}: worker: not allowed in a file of the working directory`,
        {
          field: "worker",
          remedy: `Move it to ${candidates[1]?.path}, or name the file with --config or KGENTS_CONFIG.`,
        },
      );
    }
    return { configuration: parseConfiguration(content ?? {}), path, hash: hashOf(text) };
  }
  return { configuration: parseConfiguration({}), path: null, hash: hashOf("") };
}

const hashOf = (text: string): string => createHash("sha256").update(text).digest("hex").slice(0, 16);

function parseYaml(path: string, text: string): unknown {
  try {
    return parse(text);
  } catch (error) {
    if (!(error instanceof YAMLParseError)) throw error;
    throw new KgentsError("invalid-configuration", `${path}: ${error.message}`, { cause: error });
  }
}

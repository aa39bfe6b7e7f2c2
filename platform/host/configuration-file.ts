/**
 * Finds and reads kgents.config.yaml. Settings from a working directory are checked here before they are trusted.
 *
 * @module
 */

import { constants, type FileHandle, open, readFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { parse } from "yaml";
import { type Configuration, parseConfiguration } from "#core/configuration/configuration";
import { applyProjectSettings } from "#core/configuration/project-settings";
import { KgentsError } from "#core/contract/error";
import { builtInLanguages } from "#core/contract/language";
import { messageOf } from "#core/text/message-of";
import { errorCode } from "./error-code.ts";
import { workingDirectory } from "./find-program.ts";
import { distrust } from "./ownership.ts";
import { kgentsPaths } from "./paths.ts";

const fileName = "kgents.config.yaml";

/** Larger than any real configuration. The limit bounds the time and memory that parsing takes. */
const maximumBytes = 1024 * 1024;

/** A configuration and its origin. */
export interface LoadedConfiguration {
  readonly configuration: Configuration;
  /** The user's own file or the named one; null if there is none and the defaults apply. */
  readonly path: string | null;
  /** The working directory's file, if there is one. The settings it may set override the rest. */
  readonly projectPath: string | null;
  /**
   * The content of `path` as JSON with absolute paths, to hand to a background worker. It excludes the working
   * directory's settings. It also avoids a second read of a file that may have changed.
   */
  readonly text: string;
}

/**
 * Reads the configuration: the file that `--config` or `KGENTS_CONFIG` names, else the one in the user's configuration
 * directory. In the second case the working directory's file is applied on top, as far as it may set anything
 * ({@link applyProjectSettings}).
 *
 * @throws KgentsError `invalid-configuration`, naming the file and the place in it
 */
export async function loadConfiguration(
  options: { path?: string | undefined; environment?: NodeJS.ProcessEnv; directory?: string } = {},
): Promise<LoadedConfiguration> {
  const environment = options.environment ?? process.env;
  const named = options.path || environment.KGENTS_CONFIG;
  if (named) return { ...(await readTrusted(resolve(named), true)), projectPath: null };
  const ownPath = join(kgentsPaths(environment).config, fileName);
  const own = await readTrusted(ownPath, false);
  const directory = options.directory ?? workingDirectory();
  const projectPath = directory === undefined ? ownPath : resolve(directory, fileName);
  const project = projectPath === ownPath ? undefined : await readContent(projectPath, false);
  if (project === undefined) return { ...own, projectPath: null };
  const remedy = `Correct it, move what is named to ${ownPath}, or name the file with --config or KGENTS_CONFIG.`;
  const configuration = located(projectPath, remedy, () =>
    applyProjectSettings(own.configuration, project, builtInLanguages),
  );
  return { ...own, configuration, projectPath };
}

/**
 * Reads a file that may set everything. The user's own file must not be writable by others; a named file is not
 * checked.
 */
async function readTrusted(
  path: string,
  isNamed: boolean,
): Promise<Pick<LoadedConfiguration, "configuration" | "path" | "text">> {
  const content = await readContent(path, isNamed);
  if (content === undefined) return { configuration: parseConfiguration({}), path: null, text: "{}" };
  const reason = isNamed ? undefined : distrust(path);
  if (reason !== undefined) {
    throw new KgentsError("invalid-configuration", `${path} is not used: ${reason}`, {
      remedy: "Give it, and the directories above it, to yourself alone (chown, chmod go-w), or set XDG_CONFIG_HOME.",
    });
  }
  const configuration = located(path, undefined, () => parseConfiguration(content));
  return { ...withAbsolutePaths(configuration, content, dirname(path)), path };
}

/** Resolves relative paths against the file's own directory. */
function withAbsolutePaths(
  configuration: Configuration,
  content: unknown,
  base: string,
): Pick<LoadedConfiguration, "configuration" | "text"> {
  const { directory } = configuration.artifacts;
  if (directory === undefined) return { configuration, text: JSON.stringify(content) };
  const artifacts = { directory: resolve(base, directory) };
  return {
    configuration: { ...configuration, artifacts },
    text: JSON.stringify(typeof content === "object" ? { ...content, artifacts } : content),
  };
}

/** The parsed content of a file; undefined if a file that is not named does not exist. An empty file is valid. */
async function readContent(path: string, isNamed: boolean): Promise<unknown> {
  // A named file may be a pipe: `--config <(...)`.
  const text = await (isNamed ? readFile(path, "utf8") : readPlainFile(path)).catch((error) => {
    if (["ENOENT", "ENOTDIR"].includes(errorCode(error) ?? "") && !isNamed) return undefined;
    throw unreadable(path, error);
  });
  return text === undefined ? undefined : (parseYaml(path, text) ?? {});
}

async function readPlainFile(path: string): Promise<string> {
  // Opening a FIFO without O_NONBLOCK would block until it has a writer.
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    return await readWhole(file);
  } finally {
    await file.close();
  }
}

async function readWhole(file: FileHandle): Promise<string> {
  const status = await file.stat();
  if (!status.isFile()) throw new Error("it is not a file");
  if (status.size > maximumBytes) throw new Error(`it has ${status.size} bytes; allowed are ${maximumBytes}`);
  const { buffer, bytesRead } = await file.read({ buffer: Buffer.alloc(maximumBytes), position: 0 });
  return buffer.toString("utf8", 0, bytesRead);
}

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

/** Runs a check and prefixes its error with the file's path. */
function located<T>(path: string, remedy: string | undefined, check: () => T): T {
  try {
    return check();
  } catch (error) {
    if (!(error instanceof KgentsError)) throw error;
    throw new KgentsError("invalid-configuration", `${path}: ${error.message}`, {
      cause: error,
      field: error.field,
      remedy: remedy ?? error.remedy,
    });
  }
}

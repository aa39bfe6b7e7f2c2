/**
 * Restricts which directories of the machine a cell may see, regardless of an interpreter's location or answer.
 *
 * @module
 */
import { homedir, userInfo } from "node:os";
import { dirname } from "node:path";
import { kgentsPaths } from "#platform/host/paths";

/** Directories that contain more than an interpreter, and are never shown as a whole. */
const topDirectories = ["/", "/home", "/root", "/opt", "/etc", "/var", "/run", "/tmp", "/srv", "/mnt", "/work"];

const isOrIsInside = (path: string, directory: string): boolean =>
  path === directory || path.startsWith(directory === "/" ? "/" : `${directory}/`);

/** Home directories of the current user. */
function homes(): string[] {
  try {
    return [...new Set([homedir(), userInfo().homedir])];
  } catch {
    // The user id has no account.
    return [homedir()];
  }
}

/** Directories in which all of a user's programs keep data, settings and secrets. */
function basesOf(home: string, environment: NodeJS.ProcessEnv): string[] {
  const usual = [".config", ".cache", ".local/share", ".local/state"].map((name) => `${home}/${name}`);
  const named = ["XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME"].flatMap(
    (name) => environment[name] ?? [],
  );
  return [...usual, ...named];
}

/**
 * Whether a directory contains more than one program's files: a top-level directory of the machine, a home directory or
 * one of its children (`~/.local`), a base directory of a user's data or settings, or any parent of these; or a
 * directory of kgents itself.
 */
export function isTooWide(path: string, environment: NodeJS.ProcessEnv = process.env): boolean {
  const { cache, state, config } = kgentsPaths(environment);
  const own = [cache, state, config];
  const held = [...topDirectories, ...own, ...homes().flatMap((home) => [home, ...basesOf(home, environment)])];
  return (
    held.some((directory) => isOrIsInside(directory, path)) ||
    homes().includes(dirname(path)) ||
    own.some((directory) => isOrIsInside(path, directory))
  );
}

/**
 * What of the machine may be shown to a cell at all, whatever an interpreter's place or answer asks for.
 *
 * @module
 */
import { homedir, userInfo } from "node:os";
import { dirname } from "node:path";
import { kgentsPaths } from "#platform/host/paths";

/** Directories that hold more than an interpreter: never shown as a whole. */
const topDirectories = ["/", "/home", "/root", "/opt", "/etc", "/var", "/run", "/tmp", "/srv", "/mnt", "/work"];

const isOrIsInside = (path: string, directory: string): boolean =>
  path === directory || path.startsWith(directory === "/" ? "/" : `${directory}/`);

/** Home directories of whoever runs this. */
function homes(): string[] {
  try {
    return [...new Set([homedir(), userInfo().homedir])];
  } catch {
    // An id without an account.
    return [homedir()];
  }
}

/** Where a user's programs keep data, settings and secrets, beside each other's. */
function basesOf(home: string, environment: NodeJS.ProcessEnv): string[] {
  const usual = [".config", ".cache", ".local/share", ".local/state"].map((name) => `${home}/${name}`);
  const named = ["XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME"].flatMap(
    (name) => environment[name] ?? [],
  );
  return [...usual, ...named];
}

/**
 * Whether a directory holds more than one program's files: a top directory of the machine, a home directory or one of its children
 * (`~/.local`), a base directory of a user's data or settings, and all that holds one of these; or anything of kgents' own.
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

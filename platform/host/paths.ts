/**
 * The directories that kgents uses on this machine: the XDG base directories.
 *
 * @module
 */
import { homedir } from "node:os";
import { isAbsolute, join } from "node:path";

/** The directories of one installation. */
export interface Paths {
  /** Files that can be downloaded again: tools. */
  readonly cache: string;
  /** Files that must persist: history, artifacts, logs, locks. */
  readonly state: string;
  /** The directory of the configuration file. */
  readonly config: string;
}

/** Finds the directories. A relative XDG variable is ignored, as the XDG specification requires. */
export function kgentsPaths(environment: NodeJS.ProcessEnv = process.env): Paths {
  const home = environment.HOME || homedir();
  const directory = (variable: string, fallback: string): string => {
    const value = environment[variable];
    return join(value && isAbsolute(value) ? value : join(home, fallback), "kgents");
  };
  return {
    cache: directory("XDG_CACHE_HOME", ".cache"),
    state: directory("XDG_STATE_HOME", ".local/state"),
    config: directory("XDG_CONFIG_HOME", ".config"),
  };
}

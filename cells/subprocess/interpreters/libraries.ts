import { readdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { type ElfFile, readElf } from "./elf.ts";
import { readLibraryCache } from "./library-cache.ts";
import { isShared } from "./shared-directories.ts";

/** The loader's default search directories. */
const usualDirectories = ["/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib"];

/** A bound on the work that a file can cause; no program has as many libraries. */
const maximumLibraries = 1000;

interface Wanted {
  readonly name: string;
  readonly by: string;
  /** The directories to search first. */
  readonly directories: readonly string[];
  /** Search directories that its own libraries inherit. */
  readonly inherited: readonly string[];
}

const substituted = (directories: readonly string[], path: string): string[] =>
  directories.map((directory) => directory.replaceAll(/\$ORIGIN\b|\$\{ORIGIN\}/g, dirname(path)));

/** The libraries that a file needs, with the directories that the loader searches before the system's own. */
function wantedBy(path: string, file: ElfFile, inherited: readonly string[]): Wanted[] {
  const { needed, rpath, runpath } = file;
  const passedOn = runpath.length > 0 ? inherited : [...substituted(rpath, path), ...inherited];
  const directories = runpath.length > 0 ? substituted(runpath, path) : passedOn;
  return needed.map((name) => ({ name, by: path, directories, inherited: passedOn }));
}

/** Directories of a single architecture, such as `/usr/lib/x86_64-linux-gnu`. */
async function architectureDirectories(): Promise<string[]> {
  const found = await Promise.all(
    ["/lib", "/usr/lib"].map(async (top) =>
      (await readdir(top).catch(() => [])).filter((name) => /-linux-/.test(name)).map((name) => join(top, name)),
    ),
  );
  return found.flat();
}

/**
 * Finds a program's libraries outside of the directories that every sandbox shows. Neither the program nor its loader
 * is run.
 *
 * @throws Error if a library is not found; it may only be reachable by `LD_LIBRARY_PATH`, which no cell gets
 */
export async function foreignLibraries(program: string): Promise<string[]> {
  const main = await readElf(program);
  if (main === undefined) return [];
  const [cache, ofArchitecture] = await Promise.all([readLibraryCache(), architectureDirectories()]);
  const system = [...usualDirectories, ...ofArchitecture];
  const found = new Set<string>();
  const foreign = main.loader !== undefined && !isShared(main.loader) ? [main.loader] : [];
  const open = wantedBy(program, main, []);
  const isKnown = new Set<string>();
  for (let next = open.shift(); next !== undefined && found.size < maximumLibraries; next = open.shift()) {
    const { name, by, directories, inherited } = next;
    if (isKnown.has(name)) continue;
    const places = name.includes("/")
      ? [name]
      : [
          ...directories.map((at) => join(at, name)),
          ...(cache?.get(name) ?? []),
          ...system.map((at) => join(at, name)),
        ];
    let library: ElfFile | undefined;
    let place: string | undefined;
    for (place of places) {
      library = await readElf(place);
      if (library?.machine === main.machine) break;
      library = undefined;
    }
    if (library === undefined || place === undefined) {
      // Without the loader's cache its other search directories are unknown.
      if (cache === undefined) continue;
      throw new Error(
        `${by} needs ${name}, which is neither where it says nor among the system's libraries (a cell gets no LD_LIBRARY_PATH)`,
      );
    }
    isKnown.add(name);
    if (found.has(place)) continue;
    found.add(place);
    if (!isShared(place)) foreign.push(place);
    open.push(...wantedBy(place, library, inherited));
  }
  return foreign;
}

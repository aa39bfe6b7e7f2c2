/**
 * Finds the parts of a Python installation that a cell sees: its library directories, its executable and the
 * executable's libraries. Never the directory that contains them: for a Python in `~/.local` it also contains keyrings.
 *
 * @module
 */
import { readdir, readFile, realpath, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { isTooWide } from "./bindable.ts";
import { foreignLibraries } from "./libraries.ts";
import { isShared } from "./shared-directories.ts";

/** A Python installation, as found in the file system. */
export interface PythonInstallation {
  /** The program to start. A cell has no symbolic links, through which Python would otherwise find its libraries. */
  readonly executable: string;
  /** The paths that a cell must see. */
  readonly paths: readonly string[];
}

const isInside = (path: string, directory: string): boolean => path.startsWith(`${directory}/`);

const isDirectory = (path: string): Promise<boolean> =>
  stat(path).then(
    (status) => status.isDirectory(),
    () => false,
  );

/** Library directories below a prefix: `lib` as a whole, because Python also loads other libraries from it. */
async function libraryDirectories(prefix: string): Promise<string[]> {
  const realPrefix = await realpath(prefix).catch(() => prefix);
  const found: string[] = [];
  for (const name of ["lib", "lib64"]) {
    const directory = join(prefix, name);
    if (isShared(directory) || !(await isDirectory(directory))) continue;
    const versions = (await readdir(directory)).filter((entry) => /^python\d/.test(entry));
    const wanted = isTooWide(directory) ? versions.map((entry) => join(directory, entry)) : [directory];
    for (const path of versions.length > 0 ? wanted : []) {
      const real = await realpath(path);
      // A link that leads out of the prefix would expose its target.
      const isOwn = isInside(real, realPrefix) || isShared(real);
      if (isOwn && !isTooWide(path) && !isTooWide(real)) found.push(path);
    }
  }
  return found;
}

/** The config file of a virtual environment, and the directory of the Python that created it. */
async function virtualEnvironment(prefix: string): Promise<{ file: string; home: string } | undefined> {
  const file = join(prefix, "pyvenv.cfg");
  const text = await readFile(file, "utf8").catch(() => "");
  const home = /^home\s*=\s*(\/.*?)\s*$/m.exec(text)?.[1];
  if (home === undefined || !isInside(await realpath(file), await realpath(prefix))) return undefined;
  return { file, home };
}

/** All names of this Python in its directory. */
async function executableNames(executable: string, real: string): Promise<string[]> {
  const directory = dirname(executable);
  if (isShared(directory)) return [];
  const names = (await readdir(directory))
    .filter((name) => /^python[\d.]*$/.test(name))
    .map((name) => join(directory, name));
  const targets = await Promise.all(names.map((name) => realpath(name).catch(() => undefined)));
  return [executable, ...names.filter((_, index) => targets[index] === real)];
}

/** Finds the installation that an executable belongs to. Nothing in it is run. */
export async function findPython(found: string): Promise<PythonInstallation> {
  const real = await realpath(found);
  const prefix = dirname(dirname(found));
  const environment = await virtualEnvironment(prefix);
  const isBeside = dirname(real) === (await realpath(dirname(found)));
  const executable = environment || isBeside ? found : real;
  const bases = environment ? [prefix, dirname(environment.home)] : [dirname(dirname(executable))];
  const directories = await Promise.all([...bases, dirname(dirname(real))].map(libraryDirectories));
  const paths = [
    ...(environment ? [environment.file] : []),
    ...(await executableNames(executable, real)),
    ...(isShared(real) ? [] : [real]),
    ...directories.flat(),
    ...(await foreignLibraries(real)),
  ];
  return { executable, paths };
}

/** Whether a program's name is a Python name. */
export const isPython = (path: string): boolean => /^python[\d.]*$/.test(basename(path));

import { constants, existsSync } from "node:fs";
import { access, realpath, stat } from "node:fs/promises";
import { homedir } from "node:os";
import { delimiter, dirname, isAbsolute, join, relative } from "node:path";
import { distrust } from "./ownership.ts";

/** Directories of system tools that an ordinary user's PATH may lack. */
const systemDirectories = ["/usr/local/sbin", "/usr/sbin", "/sbin", "/usr/local/bin", "/usr/bin", "/bin"];

/** A PATH with the system directories only. */
export const systemPath = systemDirectories.join(delimiter);

async function isExecutable(path: string): Promise<boolean> {
  try {
    await access(path, constants.X_OK);
    return (await stat(path)).isFile();
  } catch {
    return false;
  }
}

const isInside = (path: string, directory: string): boolean => {
  const way = relative(directory, path);
  return way === "" || (!way.startsWith("..") && !isAbsolute(way));
};

/** The working directory; undefined if it was deleted. */
export function workingDirectory(): string | undefined {
  try {
    return process.cwd();
  } catch {
    return undefined;
  }
}

/** The repository that contains a directory; undefined if there is none. */
function repositoryOf(directory: string): string | undefined {
  if ([".git", ".hg", ".jj"].some((name) => existsSync(join(directory, name)))) return directory;
  return dirname(directory) === directory ? undefined : repositoryOf(dirname(directory));
}

/**
 * npm's directory for the programs of a project. npx adds one to PATH for each directory above the working directory,
 * too.
 */
const packagePrograms = /\/node_modules\/\.bin\/*$/;

/**
 * Why programs of a directory are not started because they may come from an untrusted project. The directory is in the
 * working directory, in the repository around it, or in an npm project's `.bin`. A home directory and the directories
 * above it do not count as a project.
 */
async function whyOfProject(directory: string, project: string | undefined): Promise<string | undefined> {
  if (systemDirectories.includes(directory)) return undefined;
  const places = [directory, await realpath(directory).catch(() => directory)];
  const holds = (above: string | undefined): boolean =>
    above !== undefined && !isInside(homedir(), above) && places.some((place) => isInside(place, above));
  if (holds(project)) return "it lies in the working directory";
  if (holds(project && repositoryOf(project))) return "it lies in the repository of the working directory";
  return places.some((place) => packagePrograms.test(place)) ? "it lies among the packages of a project" : undefined;
}

/** A program of the host, or the reason why a match is not used. */
export type FoundProgram = { readonly path: string; readonly refused?: never } | { readonly refused: string };

/**
 * Finds programs of the host that kgents itself may start. It searches PATH without relative and empty entries, without
 * directories of projects, and without those that other users can change.
 */
export async function* programsOnPath(
  name: string,
  path = process.env.PATH ?? "",
  project = workingDirectory(),
): AsyncGenerator<FoundProgram> {
  for (const directory of path.split(delimiter)) {
    if (!isAbsolute(directory)) continue;
    const program = join(directory, name);
    if (!(await isExecutable(program))) continue;
    const reason = (await whyOfProject(directory, project)) ?? distrust(directory) ?? distrust(program);
    yield reason === undefined ? { path: program } : { refused: `${program} is not used: ${reason}` };
  }
}

/** The first usable program of the host with that name, and why earlier matches are not used. */
export async function lookForProgram(
  name: string,
  path?: string,
): Promise<{ readonly path: string | undefined; readonly refused: readonly string[] }> {
  const refused: string[] = [];
  for await (const found of programsOnPath(name, path)) {
    if (found.refused === undefined) return { path: found.path, refused };
    refused.push(found.refused);
  }
  return { path: undefined, refused };
}

/** Finds a program of the host that kgents itself may start; undefined if there is none. */
export const findProgram = async (name: string, path?: string): Promise<string | undefined> =>
  (await lookForProgram(name, path)).path;

/** Finds a system tool, on PATH or in the usual system directories. */
export const findSystemTool = (name: string): Promise<string | undefined> =>
  findProgram(name, [process.env.PATH ?? "", systemPath].join(delimiter));

/**
 * Finds a program that runs in a cell only, as a shell would. Relative entries of PATH are skipped, because the result
 * would depend on where the worker was started. Never start it outside a cell.
 */
export async function findForCell(name: string, path = process.env.PATH ?? ""): Promise<string | undefined> {
  if (name.includes("/")) return (await isExecutable(name)) ? name : undefined;
  for (const directory of path.split(delimiter)) {
    if (isAbsolute(directory) && (await isExecutable(join(directory, name)))) return join(directory, name);
  }
  return undefined;
}

/** A PATH for programs of the host, with only the entries in which {@link findProgram} would look. */
export async function trustedPath(path = process.env.PATH ?? "", project = workingDirectory()): Promise<string> {
  const entries = [...new Set(path.split(delimiter))].filter(isAbsolute);
  const reasons = await Promise.all(
    entries.map(async (directory) => (await whyOfProject(directory, project)) ?? (await distrust(directory))),
  );
  return entries.filter((_, index) => reasons[index] === undefined).join(delimiter);
}

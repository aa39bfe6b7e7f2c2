/**
 * Where the packages are in a cell, and how its programs find them.
 *
 * @module
 */
import { join } from "node:path";
import type { Ecosystem } from "#core/packages/environment";
import { pythonTree } from "./python.ts";

/**
 * The directory of the tree. Node looks for packages in `node_modules` of each directory above the code, for `import`
 * and for `require`; `NODE_PATH` would serve only the latter.
 */
export const packageDirectories: Readonly<Record<Ecosystem, string>> = {
  python: "/opt/kgents/packages",
  npm: "/node_modules",
};

/** The directory of the programs that packages bring. */
export const programDirectories: Readonly<Record<Ecosystem, string>> = {
  python: join(packageDirectories.python, pythonTree.packages, "bin"),
  npm: join(packageDirectories.npm, ".bin"),
};

/** The variables of programs, with those by which they find the packages. */
export function withPackages(
  variables: Readonly<Record<string, string>>,
  ecosystem: Ecosystem | undefined,
): Readonly<Record<string, string>> {
  if (ecosystem !== "python") return variables;
  const start = join(packageDirectories.python, pythonTree.start);
  return { ...variables, PYTHONPATH: [start, ...(variables.PYTHONPATH ? [variables.PYTHONPATH] : [])].join(":") };
}

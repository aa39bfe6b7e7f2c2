/**
 * Where the packages are in a cell, and how its programs find them.
 *
 * @module
 */
import type { Ecosystem } from "./environment.ts";

/** The directories of a tree of Python: those of the packages, and the one that makes Python look there. */
export const pythonTree = { packages: "site", start: "start" } as const;

/** The directory of a tree of npm. */
export const npmTree = "node_modules";

/**
 * The directory of the packages in a cell. Node looks for packages in `node_modules` of each directory above the code,
 * for `import` and for `require`; `NODE_PATH` would serve only the latter.
 */
export const packageDirectories: Readonly<Record<Ecosystem, string>> = {
  python: "/opt/kgents/packages",
  npm: `/${npmTree}`,
};

/** The part of a tree that goes into that directory; empty for the whole. */
export const mountedPart: Readonly<Record<Ecosystem, string>> = { python: "", npm: npmTree };

/** The directory of the programs that packages bring, in a cell. */
export const programDirectories: Readonly<Record<Ecosystem, string>> = {
  python: `${packageDirectories.python}/${pythonTree.packages}/bin`,
  npm: `${packageDirectories.npm}/.bin`,
};

/** The variables of programs, with those by which they find the packages. */
export function withPackages(
  variables: Readonly<Record<string, string>>,
  ecosystem: Ecosystem | undefined,
): Readonly<Record<string, string>> {
  if (ecosystem !== "python") return variables;
  const start = `${packageDirectories.python}/${pythonTree.start}`;
  return { ...variables, PYTHONPATH: [start, ...(variables.PYTHONPATH ? [variables.PYTHONPATH] : [])].join(":") };
}

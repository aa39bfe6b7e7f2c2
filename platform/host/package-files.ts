/**
 * Locates the files of this package. Its code runs from the sources, from the build, and from a bundle in the build, at
 * different depths.
 *
 * @module
 */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

interface PackageJson {
  readonly name?: string;
  readonly version: string;
}

function readPackageJson(folder: URL): PackageJson | undefined {
  try {
    return JSON.parse(readFileSync(new URL("package.json", folder), "utf8"));
  } catch {
    return undefined;
  }
}

/**
 * The package's root: the nearest folder above this file whose package.json has the package's name. The package.json in
 * dist/ has no name.
 */
function findPackage(): { readonly root: URL; readonly version: string } {
  for (let root = new URL("./", import.meta.url); ; root = new URL("../", root)) {
    const found = readPackageJson(root);
    if (found?.name === "kgents") return { root, version: found.version };
    if (root.pathname === "/") throw new Error("no folder above the code of kgents has its package.json");
  }
}

const { root, version } = findPackage();

/** The version of this package. */
export const packageVersion = version;

/** The path of a file of this package, such as `deploy/cells` or `dist/worker/bundle/main.js`. */
export const packageFile = (path: string): string => fileURLToPath(new URL(path, root));

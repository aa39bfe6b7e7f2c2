import { createHash } from "node:crypto";
import { cp, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { packageFile } from "#platform/host/package-files";
import { prepareDirectory } from "./prepare-directory.ts";

/** A hash of the names and contents of the files in a folder. */
async function hashOf(folder: string): Promise<string> {
  const hash = createHash("sha256");
  const entries = await readdir(folder, { withFileTypes: true, recursive: true });
  const paths = entries.filter((entry) => entry.isFile()).map(({ parentPath, name }) => join(parentPath, name));
  for (const path of paths.sort()) hash.update(`${path.slice(folder.length)}\0`).update(await readFile(path));
  return hash.digest("hex").slice(0, 16);
}

/**
 * Copies the kernels to a directory that cells may see, or finds an existing copy. The package itself may be readable
 * for one user only.
 *
 * @param parent used by the workers of this machine only
 * @returns the path of the copy
 */
export async function prepareKernels(parent: string): Promise<string> {
  const kernels = packageFile("cells/kernels");
  return prepareDirectory(parent, `kernels-${await hashOf(kernels)}`, (directory) =>
    cp(kernels, directory, { recursive: true }),
  );
}

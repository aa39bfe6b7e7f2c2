import { createHash } from "node:crypto";
import { cp, mkdir, mkdtemp, readdir, readFile, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { packageFile } from "#platform/host/package-files";
import { makeReadable } from "../sandbox/make-readable.ts";

/** A hash of the names and contents of the files in a folder. */
async function hashOf(folder: string): Promise<string> {
  const hash = createHash("sha256");
  const entries = await readdir(folder, { withFileTypes: true, recursive: true });
  const paths = entries.filter((entry) => entry.isFile()).map(({ parentPath, name }) => join(parentPath, name));
  for (const path of paths.sort()) hash.update(`${path.slice(folder.length)}\0`).update(await readFile(path));
  return hash.digest("hex").slice(0, 16);
}

const exists = async (path: string): Promise<boolean> => (await stat(path).catch(() => undefined)) !== undefined;

/**
 * Copies the kernels to a directory that cells may see, or finds an existing copy. The package itself may be readable
 * for one user only.
 *
 * @param parent used by the workers of this machine only
 * @returns the path of the copy
 */
export async function prepareKernels(parent: string): Promise<string> {
  const kernels = packageFile("cells/kernels");
  const directory = join(parent, `kernels-${await hashOf(kernels)}`);
  if (await exists(directory)) return directory;
  await mkdir(parent, { recursive: true, mode: 0o755 });
  const temporary = await mkdtemp(join(parent, "new-"));
  try {
    await cp(kernels, temporary, { recursive: true });
    await makeReadable(temporary);
    await rename(temporary, directory);
  } catch (error) {
    // Another worker created it first.
    if (!(await exists(directory))) throw error;
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
  return directory;
}

/**
 * Makes a tree of installed packages the same on every machine, and readable for the code of every cell.
 *
 * @module
 */
import { chmod, lstat, open, readdir, readFile, readlink, rm, writeFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";

/** What file systems give to a file at least, in bytes. */
const blockBytes = 4096;

const isInside = (path: string, directory: string): boolean => path.startsWith(`${directory}/`);

/** Whether a file begins with a line that names an interpreter. */
async function isScript(path: string): Promise<boolean> {
  const file = await open(path);
  try {
    const { buffer, bytesRead } = await file.read({ buffer: Buffer.alloc(2), position: 0 });
    return bytesRead === 2 && buffer.toString("latin1") === "#!";
  } finally {
    await file.close();
  }
}

/** The programs of packages name the Python that uv was started with. In a cell it is the first one on PATH. */
async function namePython(path: string): Promise<void> {
  if (!(await isScript(path))) return;
  const text = await readFile(path, "latin1");
  const renamed = text.replace(/^#!.*python[\d.]*[^\n]*\n/, "#!/usr/bin/env python3\n");
  if (renamed === text) return;
  // The file may be linked to uv's cache.
  await rm(path);
  await writeFile(path, renamed, "latin1");
}

/**
 * Sets the permissions of a tree, names Python in its programs, and removes links that lead out of it.
 *
 * @returns what its files take on disk, in bytes
 */
export async function tidyTree(root: string): Promise<number> {
  let bytes = 0;
  const directories = [root];
  for (let directory = directories.pop(); directory !== undefined; directory = directories.pop()) {
    await chmod(directory, 0o755);
    for (const entry of await readdir(directory, { withFileTypes: true })) {
      const path = join(directory, entry.name);
      if (entry.isDirectory()) directories.push(path);
      else if (entry.isSymbolicLink()) {
        if (!isInside(resolve(dirname(path), await readlink(path)), root)) await rm(path);
      } else if (entry.isFile()) {
        const { mode, size } = await lstat(path);
        if (directory.endsWith("/site/bin")) await namePython(path);
        await chmod(path, mode & 0o100 ? 0o755 : 0o644);
        bytes += Math.ceil(size / blockBytes) * blockBytes;
      } else await rm(path);
    }
  }
  return bytes;
}

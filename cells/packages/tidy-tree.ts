/**
 * Makes a tree of installed packages the same on every machine, and readable for the code of every cell.
 *
 * @module
 */
import { randomUUID } from "node:crypto";
import { createReadStream, createWriteStream } from "node:fs";
import { chmod, lstat, open, readdir, readlink, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { pipeline } from "node:stream/promises";
import { onDisk, refuseMany } from "./refuse-large.ts";

const isInside = (path: string, directory: string): boolean => path.startsWith(`${directory}/`);

/** The longest first line of a program that is read, in bytes. Linux itself reads 256. */
const maximumFirstLine = 4096;

/** The first line of a file, with its end; undefined if it is longer than a program's. */
async function firstLineOf(path: string): Promise<string | undefined> {
  const file = await open(path);
  try {
    const { buffer, bytesRead } = await file.read({ buffer: Buffer.alloc(maximumFirstLine), position: 0 });
    const end = buffer.subarray(0, bytesRead).indexOf("\n");
    return end < 0 ? undefined : buffer.toString("latin1", 0, end + 1);
  } finally {
    await file.close();
  }
}

/** The programs of packages name the Python that uv was started with. In a cell it is the first one on PATH. */
async function namePython(path: string): Promise<void> {
  const line = await firstLineOf(path);
  if (!line?.startsWith("#!") || !line.includes("python")) return;
  // A new file, because this one may be linked to uv's cache.
  const renamed = `${path}.${randomUUID()}`;
  await writeFile(renamed, "#!/usr/bin/env python3\n");
  await pipeline(createReadStream(path, { start: line.length }), createWriteStream(renamed, { flags: "a" }));
  await rename(renamed, path);
}

/**
 * Sets the permissions of a tree, names Python in its programs, and removes links that lead out of it.
 *
 * @returns what it takes on disk, in bytes
 * @throws KgentsError `package-too-large` if it has too many files
 */
export async function tidyTree(root: string): Promise<number> {
  let bytes = 0;
  let files = 0;
  const directories = [root];
  for (let directory = directories.pop(); directory !== undefined; directory = directories.pop()) {
    await chmod(directory, 0o755);
    bytes += onDisk(0);
    for (const entry of await readdir(directory, { withFileTypes: true })) {
      const path = join(directory, entry.name);
      files += 1;
      refuseMany(files);
      if (entry.isDirectory()) directories.push(path);
      else if (entry.isSymbolicLink()) {
        if (!isInside(resolve(dirname(path), await readlink(path)), root)) await rm(path);
      } else if (entry.isFile()) {
        const { mode, size } = await lstat(path);
        if (directory.endsWith("/site/bin")) await namePython(path);
        await chmod(path, mode & 0o100 ? 0o755 : 0o644);
        bytes += onDisk(size);
      } else await rm(path);
    }
  }
  return bytes;
}

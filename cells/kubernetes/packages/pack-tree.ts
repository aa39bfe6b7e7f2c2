/**
 * A tree of packages as one tar, in pieces that suit a connection.
 *
 * @module
 */
import { once } from "node:events";
import { createReadStream } from "node:fs";
import { lstat, readdir, readFile, readlink } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { type Header, type Pack, pack } from "tar-stream";

/** The size of a piece. tar reads whole records of 10,240 bytes, and an old server cannot end its input otherwise. */
const pieceBytes = 25 * 10_240;

/** The same in every archive: the packages, not the time of their installation. */
const mtime = new Date(0);

type FileHeader = Pick<Header, "name" | "size" | "mode" | "mtime">;

/** Files up to this size are read at once, in bytes: a tree has thousands of small ones. */
const smallBytes = 256 * 1024;

const addWhole = (archive: Pack, header: FileHeader, content: Buffer): Promise<void> =>
  new Promise((resolve, reject) => {
    archive.entry(header, content, (error) => (error ? reject(error) : resolve()));
  });

async function addFile(archive: Pack, header: FileHeader, path: string): Promise<void> {
  if (header.size <= smallBytes) return addWhole(archive, header, await readFile(path));
  const entry = archive.entry(header);
  // Await both from the start: a rejection without a handler would end the worker.
  await Promise.all([once(entry, "finish"), pipeline(createReadStream(path), entry)]);
}

const addLink = (archive: Pack, name: string, linkname: string): Promise<void> =>
  new Promise((resolve, reject) => {
    archive.entry({ name, type: "symlink", linkname, mtime }, (error) => (error ? reject(error) : resolve()));
  });

/** Adds what is below a directory, in the order of the names. */
async function addAll(archive: Pack, root: string, below = ""): Promise<void> {
  for (const name of (await readdir(join(root, below))).toSorted()) {
    const path = join(root, below, name);
    const entry = join(below, name);
    const status = await lstat(path);
    if (status.isDirectory()) await addAll(archive, root, entry);
    else if (status.isSymbolicLink()) {
      await addLink(archive, entry, await readlink(path));
    } else {
      await addFile(archive, { name: entry, size: status.size, mode: status.mode & 0o777, mtime }, path);
    }
  }
}

/** The tar of a directory. */
export async function* packTree(directory: string): AsyncGenerator<Buffer> {
  const archive = pack();
  const filled = addAll(archive, directory).then(
    () => archive.finalize(),
    (error) => archive.destroy(error),
  );
  let parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of archive as AsyncIterable<Buffer>) {
    parts.push(part);
    bytes += part.length;
    while (bytes >= pieceBytes) {
      const all = Buffer.concat(parts);
      yield all.subarray(0, pieceBytes);
      parts = [all.subarray(pieceBytes)];
      bytes -= pieceBytes;
    }
  }
  await filled;
  const rest = Buffer.concat(parts);
  yield Buffer.concat([rest, Buffer.alloc((10_240 - (rest.length % 10_240)) % 10_240)]);
}

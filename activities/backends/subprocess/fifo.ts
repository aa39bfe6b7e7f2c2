import { constants, openSync } from "node:fs";
import { unlink } from "node:fs/promises";
import { runTool } from "./run-tool.ts";

/** Descriptors of both ends of a pipe that has an inode of its own: ours to read without blocking, the program's to write. */
export interface Fifo {
  readonly read: number;
  readonly write: number;
}

function openFifo(path: string): Fifo {
  // For reading first and without waiting: opening one end for itself waits for the other.
  const read = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  return { read, write: openSync(path, constants.O_WRONLY) };
}

/**
 * Makes pipes with real inodes. Node's own pipes to children are sockets, which cannot be opened again: a program that
 * writes to /dev/stderr by name would fail. The names are gone when this returns.
 */
export async function createFifos(paths: readonly string[]): Promise<Fifo[]> {
  await runTool("mkfifo", ["-m", "600", ...paths]);
  const opened = paths.map(openFifo);
  await Promise.all(paths.map((path) => unlink(path)));
  return opened;
}

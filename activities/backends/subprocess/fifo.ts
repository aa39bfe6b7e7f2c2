import { closeSync, constants, openSync } from "node:fs";
import { unlink } from "node:fs/promises";
import { runTool } from "./run-tool.ts";

/** Descriptors of both ends of a pipe that has an inode of its own. */
export interface Fifo {
  readonly read: number;
  readonly write: number;
}

/** Which end stays with the worker: that one never blocks. The other must block, as programs expect of their streams. */
export type WorkerEnd = "read" | "write";

function openFifo(path: string, workerEnd: WorkerEnd): Fifo {
  // For reading first and without waiting: opening one end for itself waits for the other.
  const first = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  const write = openSync(path, constants.O_WRONLY);
  if (workerEnd === "read") return { read: first, write };
  const read = openSync(path, constants.O_RDONLY);
  closeSync(first);
  return { read, write };
}

/**
 * Makes pipes with real inodes. Node's own pipes to children are sockets, which cannot be opened again: a program that
 * writes to /dev/stderr or reads /dev/stdin by name would fail. The names are gone when this returns.
 */
export async function createFifos(fifos: readonly (readonly [path: string, workerEnd: WorkerEnd])[]): Promise<Fifo[]> {
  const paths = fifos.map(([path]) => path);
  await runTool("mkfifo", ["-m", "600", ...paths]);
  const opened = fifos.map(([path, workerEnd]) => openFifo(path, workerEnd));
  await Promise.all(paths.map((path) => unlink(path)));
  return opened;
}

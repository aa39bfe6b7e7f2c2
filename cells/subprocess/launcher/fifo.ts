import { constants, openSync, unlinkSync } from "node:fs";
import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { findSystemTool } from "#platform/host/find-program";
import { outputOf } from "#platform/host/run-program";

/** Descriptors of both ends of a pipe that has an inode of its own: ours to read without blocking, the program's to write. */
export interface Fifo {
  readonly read: number;
  readonly write: number;
}

/**
 * Makes pipes with real inodes. Node's own pipes to children are sockets, which cannot be opened again: a program that
 * writes to /dev/stderr by name would fail.
 */
export interface FifoSource {
  /** A pipe whose name is gone already. */
  readonly take: () => Promise<Fifo>;
  /** Takes away those that nobody took. */
  readonly close: () => Promise<void>;
}

/** Made at once: Node has no mkfifo, and starting a process costs it 2 to 4 ms, for one pipe or for many. */
const batch = 64;

function openFifo(path: string): Fifo {
  // For reading first and without waiting: opening one end for itself waits for the other.
  const read = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  const write = openSync(path, constants.O_WRONLY);
  unlinkSync(path);
  return { read, write };
}

/** Makes pipes in a directory of their own. */
export function fifoSource(directory: string): FifoSource {
  let ready: string[] = [];
  let made = 0;
  let making: Promise<void> | undefined;
  const make = async (): Promise<void> => {
    const mkfifo = await findSystemTool("mkfifo");
    if (mkfifo === undefined) throw new Error("mkfifo is missing; it comes with coreutils");
    await mkdir(directory, { recursive: true, mode: 0o700 });
    const paths = Array.from({ length: batch }, () => join(directory, String(made++)));
    await outputOf(mkfifo, ["-m", "600", ...paths]);
    ready.push(...paths);
  };
  return {
    take: async () => {
      for (;;) {
        const path = ready.pop();
        if (path !== undefined) return openFifo(path);
        making ??= make().finally(() => {
          making = undefined;
        });
        await making;
      }
    },
    close: async () => {
      ready = [];
      await rm(directory, { recursive: true, force: true });
    },
  };
}

import { constants, openSync, renameSync, unlinkSync } from "node:fs";
import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { findSystemTool } from "#platform/host/find-program";
import { outputOf } from "#platform/host/run-program";

/** Descriptors of both ends of a named pipe: the worker reads without blocking, the program writes. */
export interface Fifo {
  readonly read: number;
  readonly write: number;
}

/**
 * Creates pipes with real inodes. Node's pipes to children are sockets, which cannot be reopened: a program that opens
 * /dev/stderr by name would fail.
 */
export interface FifoSource {
  /** Takes a pipe whose name has been unlinked. */
  readonly take: () => Promise<Fifo>;
  /** Moves an unused pipe to a path in the same file system, with mode 0600. */
  readonly place: (path: string) => Promise<void>;
  /** Removes unused pipes. */
  readonly close: () => Promise<void>;
}

/**
 * How many pipes to create at once. Node has no mkfifo, and starting a process takes 2 to 4 ms for one pipe or many.
 */
const batch = 64;

/** How many pipes are left when more are made for the next programs: enough for two. */
const reserve = 16;

function openFifo(path: string): Fifo {
  // Open for reading first and non-blocking: opening one end blocks until the other end is open.
  const read = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  const write = openSync(path, constants.O_WRONLY);
  unlinkSync(path);
  return { read, write };
}

/** Creates pipes in a separate directory. */
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
  const makeMore = (): Promise<void> => {
    making ??= make().finally(() => {
      making = undefined;
    });
    return making;
  };
  const takePath = async (): Promise<string> => {
    for (;;) {
      const path = ready.pop();
      if (path !== undefined) return path;
      await makeMore();
    }
  };
  return {
    take: async () => openFifo(await takePath()),
    place: async (path) => {
      renameSync(await takePath(), path);
      // The programs of a cell follow each other closely. If it fails, the next one that needs a pipe gets the error.
      if (ready.length < reserve) makeMore().catch(() => {});
    },
    close: async () => {
      ready = [];
      await rm(directory, { recursive: true, force: true });
    },
  };
}

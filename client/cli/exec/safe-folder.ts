/**
 * Folders that are reached without following links. Whoever chose the names that are written (a run, a repository that was checked out) must not
 * choose where they end.
 *
 * @module
 */
import { randomUUID } from "node:crypto";
import { constants, createWriteStream } from "node:fs";
import { type FileHandle, lstat, mkdir, open, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { errorCode } from "#platform/host/error-code";

/** An open folder. What is done below it happens in this very folder, whatever is put in its place meanwhile. */
export interface SafeFolder {
  /** Opens a folder in it, and makes it where it is not there. @throws where a link or anything else stands in its place */
  readonly folder: (name: string) => Promise<SafeFolder>;
  /** Writes a file whole: it comes into being by a rename, so nothing is written through a link that stands in its place. */
  readonly write: (name: string, content: Readable) => Promise<void>;
  readonly close: () => Promise<void>;
}

const { O_RDONLY, O_DIRECTORY, O_NOFOLLOW } = constants;

/** Linux answers ENOTDIR where a link was not followed and a folder was asked for, other systems ELOOP. */
async function explain(error: unknown, path: string, shown: string): Promise<Error> {
  const found = await lstat(path).catch(() => undefined);
  if (found?.isSymbolicLink()) return new Error(`${shown} is a symbolic link`, { cause: error });
  return error instanceof Error ? error : new Error(String(error));
}

/** A path that leads to an open folder itself. Systems without it are left with the path, which was looked at. */
async function pathOf(handle: FileHandle, path: string): Promise<string> {
  const own = `/proc/self/fd/${handle.fd}`;
  const [here, there] = await Promise.all([handle.stat(), stat(own).catch(() => undefined)]);
  return there?.ino === here.ino && there.dev === here.dev ? own : path;
}

async function openAt(path: string, shown: string, flags: number): Promise<SafeFolder> {
  const handle = await open(path, O_RDONLY | O_DIRECTORY | flags).catch(async (error) => {
    throw await explain(error, path, shown);
  });
  const base = await pathOf(handle, path);
  return {
    folder: async (name) => {
      await mkdir(join(base, name)).catch((error) => {
        if (errorCode(error) !== "EEXIST") throw error;
      });
      return openAt(join(base, name), join(shown, name), O_NOFOLLOW);
    },
    write: async (name, content) => {
      // Short, whatever the name is: a name of 255 bytes is as long as most file systems allow.
      const draft = join(base, `.kgents-${randomUUID()}.part`);
      try {
        await pipeline(content, createWriteStream(draft, { flags: "wx" }));
        await rename(draft, join(base, name)).catch((error: NodeJS.ErrnoException) => {
          throw new Error(`${errorCode(error) ?? "it failed"}: ${join(shown, name)} cannot be replaced`, {
            cause: error,
          });
        });
      } finally {
        await rm(draft, { force: true });
      }
    },
    close: () => handle.close(),
  };
}

/**
 * Opens a folder to write to, and makes it where it is not there.
 *
 * @param isNamed whether a person has named this path: it, and what leads to it, may then be a link. Otherwise its last part must not be one.
 * @throws where it is no folder, or cannot be opened
 */
export async function openSafeFolder(path: string, isNamed: boolean): Promise<SafeFolder> {
  if (isNamed) {
    await mkdir(path, { recursive: true });
    return openAt(path, path, 0);
  }
  await mkdir(path).catch((error) => {
    if (errorCode(error) !== "EEXIST") throw error;
  });
  return openAt(path, path, O_NOFOLLOW);
}

/**
 * Writes to folders without following symbolic links. File names may come from an untrusted source (a run, a
 * checked-out repository), which must not decide where the files end up.
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

/** An open folder. With /proc, operations apply to this folder even if its path is replaced. */
export interface SafeFolder {
  /** Opens a subfolder, and creates it if it does not exist. @throws if a link or anything else is in its place */
  readonly folder: (name: string) => Promise<SafeFolder>;
  /** Writes a file and renames it into place, so a symbolic link of that name is replaced, not followed. */
  readonly write: (name: string, content: Readable) => Promise<void>;
  readonly close: () => Promise<void>;
}

const { O_RDONLY, O_DIRECTORY, O_NOFOLLOW } = constants;

/** Reports a symbolic link by name: refusing one fails with ENOTDIR on Linux and with ELOOP on other systems. */
async function explain(error: unknown, path: string, shown: string): Promise<Error> {
  const found = await lstat(path).catch(() => undefined);
  if (found?.isSymbolicLink()) return new Error(`${shown} is a symbolic link`, { cause: error });
  return error instanceof Error ? error : new Error(String(error));
}

/** A path in /proc that refers to the open folder itself. Without /proc, the path that was checked. */
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
      // A short name: the file's own name may already have the 255 bytes that most file systems allow.
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
 * Opens a folder to write to, and creates it if it does not exist.
 *
 * @param isNamed whether the user named this path: then it and its parents may be links. Otherwise its last part must
 *   not be one.
 * @throws if it is not a folder, or cannot be opened
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

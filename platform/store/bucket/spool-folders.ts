/**
 * Ownership of the folders in a spool. A folder's name identifies the process that owns it. An abandoned folder is
 * taken over by a rename, which succeeds for one process only. Names are never reused, so a folder never has two
 * owners.
 *
 * @module
 */
import { createHash, randomUUID } from "node:crypto";
import { readdir, readFile, readlink, rename, rmdir, stat, utimes } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { errorCode, isMissing } from "../../host/error-code.ts";
import { makePrivateFolder } from "../../host/private-file.ts";
import { identifyProcess, isRunning } from "../../host/process-identity.ts";

/** The folders of one spool directory. */
export interface SpoolFolders {
  /** Creates a folder. Returns its path. */
  readonly make: () => Promise<string>;
  /** Takes over folders whose owner is dead or has given them up, one at a time. Yields their new paths. */
  readonly takeAbandoned: () => AsyncIterable<string>;
  /** Renews the owner's heartbeat, for processes that cannot see this one. */
  readonly touch: () => Promise<void>;
  /** Removes a folder of this process. A folder with content is given up, so that another process can take it over. */
  readonly release: (path: string) => Promise<void>;
  /** Releases all folders of this process. */
  readonly close: () => Promise<void>;
}

/** Identifies the scope of process ids: machine, boot and PID namespace. */
async function place(): Promise<string> {
  const known = await Promise.all([
    readFile("/proc/sys/kernel/random/boot_id", "utf8"),
    readlink("/proc/self/ns/pid"),
  ]).catch(() => [hostname()]);
  return createHash("sha256").update(known.join("\0")).digest("hex").slice(0, 16);
}

/** The result of an operation, or undefined if the file no longer exists. */
const unlessGone = <Answer>(work: Promise<Answer>): Promise<Answer | undefined> =>
  work.catch((error) => {
    if (isMissing(error)) return undefined;
    throw error;
  });

/** Whether the owners of folders are alive that cannot be seen from here. */
interface Heartbeats {
  /** Checks a folder once more. Returns whether its owner counts as dead. */
  readonly isSilent: (name: string) => Promise<boolean>;
  /** Forgets all other folders. */
  readonly keepOnly: (names: readonly string[]) => void;
}

function watchHeartbeats(directory: string, silentLooks: number): Heartbeats {
  /**
   * The last heartbeat of each folder's owner, and how many checks have found no newer one. Counting checks avoids
   * comparing clocks, which differ, and a suspended process does not count.
   */
  const signs = new Map<string, { readonly changed: number; readonly found: number }>();
  return {
    isSilent: async (name) => {
      const changed = (await unlessGone(stat(join(directory, name))))?.mtimeMs;
      if (changed === undefined) return false;
      const last = signs.get(name);
      const found = last?.changed === changed ? last.found + 1 : 0;
      signs.set(name, { changed, found });
      return found >= silentLooks;
    },
    keepOnly: (names) => {
      for (const name of signs.keys()) if (!names.includes(name)) signs.delete(name);
    },
  };
}

/**
 * Opens a spool directory. Creates it if it is missing.
 *
 * @param silentLooks how many checks in a row must find no new heartbeat before a folder's owner counts as dead. It
 * applies to owners that cannot be seen from here: on another machine or in another container that shares the directory
 */
export async function openSpoolFolders(directory: string, silentLooks: number): Promise<SpoolFolders> {
  await makePrivateFolder(directory);
  const here = await place();
  const { pid, startTime } = await identifyProcess();
  const owned = new Set<string>();
  const heartbeats = watchHeartbeats(directory, silentLooks);
  const newPath = (): string => join(directory, [here, pid, startTime, randomUUID()].join("_"));

  const isAbandoned = async (name: string): Promise<boolean> => {
    const [, where, owner, since = ""] = /^([0-9a-f]{16})_(\d+)_(\d*)_[0-9a-f-]{36}$/.exec(name) ?? [];
    if (where === undefined) return true;
    return where === here ? !(await isRunning({ pid: Number(owner), startTime: since })) : heartbeats.isSilent(name);
  };

  const release = async (path: string): Promise<void> => {
    if (!owned.delete(path)) return;
    await rmdir(path).catch(async (error) => {
      if (isMissing(error)) return;
      if (errorCode(error) !== "ENOTEMPTY" && errorCode(error) !== "EEXIST") throw error;
      await unlessGone(rename(path, join(directory, `given-up_${randomUUID()}`)));
    });
  };

  return {
    make: async () => {
      const path = newPath();
      await makePrivateFolder(path);
      owned.add(path);
      return path;
    },
    takeAbandoned: async function* () {
      const names = (await readdir(directory, { withFileTypes: true }))
        .filter((entry) => entry.isDirectory())
        .map(({ name }) => name);
      heartbeats.keepOnly(names);
      for (const name of names) {
        if (!(await isAbandoned(name))) continue;
        const path = newPath();
        const isOurs = await unlessGone(rename(join(directory, name), path).then(() => true));
        // Another process was first.
        if (!isOurs) continue;
        owned.add(path);
        yield path;
      }
    },
    touch: async () => {
      const now = new Date();
      await Promise.all([...owned].map((path) => unlessGone(utimes(path, now, now))));
    },
    release,
    close: async () => {
      await Promise.all([...owned].map(release));
    },
  };
}

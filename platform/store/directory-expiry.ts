/**
 * Expiry in a directory: the retention that namespaces agree on, how workers claim a round, and the removal itself.
 *
 * @module
 */
import { randomUUID } from "node:crypto";
import { readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { namingFullDisk } from "../host/disk-space.ts";
import { errorCode, isMissing } from "../host/error-code.ts";
import { makePrivateFile, makePrivateFolder } from "../host/private-file.ts";
import { cannotWrite } from "./directory-blobs.ts";
import type { ClaimedRounds } from "./expiry-claim.ts";
import { longestRetention, retentionName } from "./retention.ts";

/** Records the retention of a namespace. Returns the longest retention of all namespaces, in milliseconds. */
export async function agreeOnRetention(directory: string, namespace: string, milliseconds: number): Promise<number> {
  const folder = join(directory, "retention");
  await makePrivateFolder(folder);
  // Write to a draft and rename it, so that no reader sees an empty file.
  const draft = join(directory, `.retention-${randomUUID()}`);
  try {
    await makePrivateFile(draft);
    await writeFile(draft, String(milliseconds), { flush: true });
    await rename(draft, join(folder, retentionName(namespace)));
  } finally {
    await rm(draft, { force: true });
  }
  const said = await Promise.all((await readdir(folder)).map((other) => readFile(join(folder, other), "utf8")));
  return longestRetention(milliseconds, said);
}

/** The claimed rounds of expiry, as files of a folder. */
export async function claimedRounds(folder: string): Promise<ClaimedRounds> {
  await makePrivateFolder(folder);
  return {
    list: async () => {
      const found = (await readdir(folder)).map(async (name) => {
        // If the entry is gone, another worker has just claimed the next round.
        const claimed = await stat(join(folder, name)).catch((error) =>
          isMissing(error) ? undefined : Promise.reject(error),
        );
        return { name, claimed: claimed?.mtimeMs ?? Date.now() };
      });
      return Promise.all(found);
    },
    make: async (name) => {
      try {
        await writeFile(join(folder, name), "", { flag: "wx", mode: 0o600 });
        return true;
      } catch (error) {
        if (errorCode(error) === "EEXIST") return false;
        throw namingFullDisk(error, cannotWrite);
      }
    },
    remove: async (names) => {
      for (const name of names) await rm(join(folder, name), { force: true });
    },
  };
}

/**
 * Removes the runs and blobs that were last written before a time. Returns how many.
 *
 * @param live what is kept, whatever its age
 */
export async function expire(directory: string, before: Date, live: ReadonlySet<string>): Promise<number> {
  let removed = 0;
  for (const folder of ["runs", "blobs"]) {
    for (const name of await readdir(join(directory, folder))) {
      const path = join(directory, folder, name);
      if (live.has(name) || (await newestChange(path)) >= before.getTime()) continue;
      await rm(path, { recursive: true, force: true });
      removed += 1;
    }
  }
  return removed;
}

/** When a file, or anything in a folder, was last written. */
async function newestChange(path: string): Promise<number> {
  try {
    const own = await stat(path);
    if (!own.isDirectory()) return own.mtimeMs;
    const inside = await Promise.all((await readdir(path)).map((name) => newestChange(join(path, name))));
    return Math.max(own.mtimeMs, ...inside);
  } catch (error) {
    // Another worker has expired it since.
    if (isMissing(error)) return Number.POSITIVE_INFINITY;
    throw error;
  }
}

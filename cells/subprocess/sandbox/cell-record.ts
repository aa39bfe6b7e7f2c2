import { readFile } from "node:fs/promises";
import { join } from "node:path";

/**
 * The path of a cell's record, or of a file in it.
 *
 * @throws Error if the id is none of kgents
 */
export function recordPath(root: string, cellId: string, ...rest: string[]): string {
  // Ids come from kgents; reject any other, which could escape the directory.
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,200}$/.test(cellId)) throw new Error(`not a cell id: ${JSON.stringify(cellId)}`);
  return join(root, cellId, ...rest);
}

/** The file that claims the start of program `n`. It contains the identity of the process that claimed it. */
export const claimName = (n: number): string => `started-${n}`;

/** Whether a file of a record is a claim. */
export const isClaim = (name: string): boolean => /^started-\d+$/.test(name);

/** The file with the run that owns the cell. */
export const ownerName = "owner.json";

/** The file with the name of the launcher that became the cell's sandbox. */
export const launcherName = "launcher";

/** The launcher of a cell; undefined if none is recorded. */
export const readLauncher = (root: string, cellId: string): Promise<string | undefined> =>
  readFile(recordPath(root, cellId, launcherName), "utf8").catch(() => undefined);

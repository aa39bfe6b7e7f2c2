/**
 * The record of a cell on disk: that it was provisioned, and that its code was started. It contains nothing of the
 * request.
 *
 * @module
 */
import { randomUUID } from "node:crypto";
import { linkSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { errorCode } from "#platform/host/error-code";
import { isRunning, type ProcessIdentity } from "#platform/host/process-identity";

const startedName = "started";
const launcherName = "launcher";

/** The records in the state directory of a host. */
export interface CellDirectories {
  readonly create: (cellId: string) => Promise<void>;
  /**
   * Claims the only start of a cell's code, atomically.
   *
   * @returns null if the caller has the claim, otherwise the reason why not
   */
  readonly claim: (cellId: string, owner: ProcessIdentity) => string | null;
  /** Releases the claim, if the code was certainly not started. */
  readonly unclaim: (cellId: string) => void;
  /** Records which launcher a started cell became. */
  readonly record: (cellId: string, launcher: string) => void;
  /** The launcher of a cell, if one is recorded. */
  readonly launcherOf: (cellId: string) => Promise<string | undefined>;
  readonly remove: (cellId: string) => Promise<void>;
  /** Cells whose worker is gone, or that were provisioned long ago and never started. */
  readonly abandoned: () => Promise<string[]>;
}

/** How long a provisioned cell may wait for its start, in milliseconds; a busy worker may be slow. */
const unstartedLifetime = 3_600_000;

/**
 * Keeps cells in directories under `root`. The steps before a start are synchronous: three small files take 0.1 ms this
 * way, and 1 ms through the thread pool.
 */
export function cellDirectories(root: string): CellDirectories {
  const place = (cellId: string, ...rest: string[]): string => {
    // Ids come from kgents; reject any other, which could escape the directory.
    if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,200}$/.test(cellId)) throw new Error(`not a cell id: ${JSON.stringify(cellId)}`);
    return join(root, cellId, ...rest);
  };
  const isAbandoned = async (cellId: string): Promise<boolean> => {
    try {
      const owner = JSON.parse(await readFile(place(cellId, startedName), "utf8")) as ProcessIdentity;
      return !(await isRunning(owner));
    } catch {
      if (await stat(place(cellId, startedName)).catch(() => undefined)) return true;
      const cell = await stat(place(cellId)).catch(() => undefined);
      return cell !== undefined && Date.now() - cell.mtimeMs > unstartedLifetime;
    }
  };
  return {
    create: async (cellId) => void mkdirSync(place(cellId), { recursive: true, mode: 0o700 }),
    claim: (cellId, owner) => {
      const draft = place(cellId, `owner-${randomUUID()}`);
      try {
        writeFileSync(draft, JSON.stringify(owner));
        // Atomic like mkdir, and the file contains its owner as soon as it exists.
        linkSync(draft, place(cellId, startedName));
        return null;
      } catch (error) {
        if (errorCode(error) === "EEXIST") return "the code was started before, and whoever followed it is gone";
        if (errorCode(error) === "ENOENT")
          return "the cell is gone from this machine; nobody knows whether its code ran";
        throw error;
      } finally {
        rmSync(draft, { force: true });
      }
    },
    unclaim: (cellId) => rmSync(place(cellId, startedName), { force: true }),
    record: (cellId, launcher) => writeFileSync(place(cellId, launcherName), launcher),
    launcherOf: (cellId) => readFile(place(cellId, launcherName), "utf8").catch(() => undefined),
    remove: async (cellId) => rmSync(place(cellId), { recursive: true, force: true }),
    abandoned: async () => {
      const entries = await readdir(root, { withFileTypes: true }).catch(() => []);
      const cells = entries.filter((entry) => entry.isDirectory() && !entry.name.startsWith("."));
      const answers = await Promise.all(cells.map(async ({ name }) => ((await isAbandoned(name)) ? [name] : [])));
      return answers.flat();
    },
  };
}

/**
 * The record of a cell on disk: the run that owns it, and which of its programs were started. It contains nothing of
 * the programs.
 *
 * @module
 */
import { randomUUID } from "node:crypto";
import { existsSync, linkSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { readFile, stat } from "node:fs/promises";
import { errorCode } from "#platform/host/error-code";
import type { ProcessIdentity } from "#platform/host/process-identity";
import type { CellPlan } from "../../cell-plan.ts";
import { abandonedCells } from "./abandoned-cells.ts";
import { claimName, launcherName, ownerName, readLauncher, recordPath } from "./cell-record.ts";

/** The records in the state directory of a host. */
export interface CellDirectories {
  readonly create: (cellId: string, owner: CellPlan["owner"]) => Promise<void>;
  /** The run that owns a cell, and when it was created; null if there is no such cell. */
  readonly ownerOf: (cellId: string) => Promise<(CellPlan["owner"] & { readonly createdAt: Date }) | null>;
  /**
   * Claims the only start of a cell's program `n`, atomically.
   *
   * @returns null if the caller has the claim, otherwise the reason why not
   */
  readonly claim: (cellId: string, n: number, owner: ProcessIdentity) => string | null;
  /** Releases the claim, if the program was certainly not started. */
  readonly unclaim: (cellId: string, n: number) => void;
  /** Records which launcher a started cell became. */
  readonly record: (cellId: string, launcher: string) => void;
  /** Forgets it, if it did not become a sandbox. */
  readonly unrecord: (cellId: string) => void;
  readonly isRecorded: (cellId: string) => boolean;
  /** The launcher of a cell, if one is recorded. */
  readonly launcherOf: (cellId: string) => Promise<string | undefined>;
  readonly remove: (cellId: string) => Promise<void>;
  /** Cells whose worker is gone, or that were provisioned long ago and never started. */
  readonly abandoned: () => Promise<string[]>;
}

/**
 * Keeps cells in directories under `root`. The steps before a start are synchronous: three small files take 0.1 ms this
 * way, and 1 ms through the thread pool.
 */
export function cellDirectories(root: string): CellDirectories {
  const place = (cellId: string, ...rest: string[]): string => recordPath(root, cellId, ...rest);
  return {
    create: async (cellId, owner) => {
      mkdirSync(place(cellId), { recursive: true, mode: 0o700 });
      writeFileSync(place(cellId, ownerName), JSON.stringify(owner));
    },
    ownerOf: async (cellId) => {
      const cell = await stat(place(cellId)).catch(() => undefined);
      if (cell === undefined) return null;
      // A cell without an owner was being created when its worker ended. It belongs to no run.
      const { workflowId = "", runId = "" } = JSON.parse(
        await readFile(place(cellId, ownerName), "utf8").catch(() => "{}"),
      ) as Partial<CellPlan["owner"]>;
      return { workflowId, runId, createdAt: cell.birthtime };
    },
    claim: (cellId, n, owner) => {
      const draft = place(cellId, `owner-${randomUUID()}`);
      try {
        writeFileSync(draft, JSON.stringify(owner));
        // Atomic like mkdir, and the file contains its owner as soon as it exists.
        linkSync(draft, place(cellId, claimName(n)));
        return null;
      } catch (error) {
        if (errorCode(error) === "EEXIST") return "the code was started before, and whoever followed it is gone";
        if (errorCode(error) === "ENOENT") {
          return "the cell is gone from this machine; it is unknown whether its code ran";
        }
        throw error;
      } finally {
        rmSync(draft, { force: true });
      }
    },
    unclaim: (cellId, n) => rmSync(place(cellId, claimName(n)), { force: true }),
    record: (cellId, launcher) => writeFileSync(place(cellId, launcherName), launcher),
    unrecord: (cellId) => rmSync(place(cellId, launcherName), { force: true }),
    isRecorded: (cellId) => existsSync(place(cellId, launcherName)),
    launcherOf: (cellId) => readLauncher(root, cellId),
    remove: async (cellId) => rmSync(place(cellId), { recursive: true, force: true }),
    abandoned: () => abandonedCells(root),
  };
}

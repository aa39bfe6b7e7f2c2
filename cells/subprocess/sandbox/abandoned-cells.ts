import { readdir, readFile, stat } from "node:fs/promises";
import { isRunning, type ProcessIdentity } from "#platform/host/process-identity";
import { ownerOfLauncher } from "../launcher/launcher-name.ts";
import { isClaim, readLauncher, recordPath } from "./cell-record.ts";

/** How long a provisioned cell may wait for its start, in milliseconds; a busy worker may be slow. */
const unstartedLifetime = 3_600_000;

/** Undefined if the text is cut off, because the worker's machine went down. */
function parseIdentity(text: string): ProcessIdentity | undefined {
  try {
    return JSON.parse(text) as ProcessIdentity;
  } catch {
    return undefined;
  }
}

/** The workers that have started something in a cell; undefined for a record that was cut off. */
async function workersOf(
  root: string,
  cellId: string,
  names: readonly string[],
): Promise<(ProcessIdentity | undefined)[]> {
  const claims = names
    .filter(isClaim)
    .map(async (name) => parseIdentity(await readFile(recordPath(root, cellId, name), "utf8").catch(() => "")));
  // A sandbox that stays may have no claim: its first program was refused.
  const launcher = await readLauncher(root, cellId);
  return [...(await Promise.all(claims)), ...(launcher === undefined ? [] : [ownerOfLauncher(launcher)])];
}

async function isAbandoned(root: string, cellId: string): Promise<boolean> {
  const names = await readdir(recordPath(root, cellId)).catch(() => undefined);
  if (names === undefined) return false;
  const workers = await workersOf(root, cellId, names);
  if (workers.length === 0) {
    const cell = await stat(recordPath(root, cellId)).catch(() => undefined);
    return cell !== undefined && Date.now() - cell.mtimeMs > unstartedLifetime;
  }
  // One worker starts the programs of a cell, which does not outlive it. Others may have claimed numbers in vain.
  const living = await Promise.all(workers.map(async (worker) => worker !== undefined && (await isRunning(worker))));
  return !living.includes(true);
}

/** Cells whose worker is gone, or that were provisioned long ago and never started. */
export async function abandonedCells(root: string): Promise<string[]> {
  const entries = await readdir(root, { withFileTypes: true }).catch(() => []);
  const cells = entries.filter((entry) => entry.isDirectory() && !entry.name.startsWith("."));
  const answers = await Promise.all(cells.map(async ({ name }) => ((await isAbandoned(root, name)) ? [name] : [])));
  return answers.flat();
}

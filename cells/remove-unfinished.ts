import type { CellProvider } from "./provider.ts";

/**
 * Removes a cell unless it has finished: a finished one may be inspected until its TTL expires, and its run may have a
 * result.
 *
 * @returns whether there was a cell to remove
 */
export async function removeUnfinished(
  provider: Pick<CellProvider, "find" | "remove">,
  cellId: string,
): Promise<boolean> {
  const found = await provider.find(cellId);
  if (found === null || found.finished) return false;
  await provider.remove(cellId, found);
  return true;
}

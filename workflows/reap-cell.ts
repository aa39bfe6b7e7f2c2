import { log, setCurrentDetails, sleep } from "@temporalio/workflow";
import type { ReapInput } from "../activities/contract.ts";
import { formatDuration } from "../core/duration.ts";
import { reaping } from "./phases.ts";

/**
 * The end of a cell in a cluster whose run is over: its supervisor is let go, what is left can be looked at for a while, and
 * then it is taken away. Nobody waits for this workflow.
 */
export async function reapCell(input: ReapInput): Promise<void> {
  const { cellId, ttlMilliseconds } = input;
  const ttl = formatDuration(ttlMilliseconds);
  const activities = reaping(cellId);
  setCurrentDetails(`letting the cell ${cellId} end`);
  await activities.releaseCell(input).catch((error) => {
    // It ends by itself after its grace.
    log.warn("the cell was not told to end", { cellId, error: String(error) });
  });
  setCurrentDetails(`the finished Job ${cellId} can be looked at for ${ttl}`);
  await sleep(ttlMilliseconds, { summary: `keep the finished Job ${cellId} for ${ttl}` });
  setCurrentDetails(`removing the Job ${cellId}`);
  await activities.removeCell(input);
  setCurrentDetails(`the Job ${cellId} and its pods are gone`);
}

import { log, setCurrentDetails, sleep, workflowInfo } from "@temporalio/workflow";
import type { ReapInput } from "#activities/contract";
import { faultInReap } from "#core/contract/workflow-inputs";
import { formatDuration } from "#core/text/duration";
import { isKind, refuse, toWorkflowFailure } from "./failure.ts";
import { reaping } from "./phases.ts";

/**
 * Ends a cell in a cluster after its run: releases the supervisor, keeps the finished Job for its TTL for inspection,
 * then removes it. No other workflow waits for this one.
 */
export async function reapCell(received: ReapInput): Promise<void> {
  refuse(faultInReap(received));
  const { parent } = workflowInfo();
  const input: ReapInput = { ...received, parent: parent ? { workflowId: parent.workflowId } : null };
  const { cellId, ttlMilliseconds } = input;
  const ttl = formatDuration(ttlMilliseconds);
  const activities = reaping(cellId);
  setCurrentDetails(`letting the cell ${cellId} end`);
  await activities.releaseCell(input).catch((error) => {
    // The cell's run is still open, or the input is not a cell of a cluster.
    if (isKind(error, "invalid-request")) throw toWorkflowFailure(error);
    // Not fatal: the supervisor ends by itself after its grace period.
    log.warn("the cell was not told to end", { cellId, error: String(error) });
  });
  setCurrentDetails(`the finished Job ${cellId} can be looked at for ${ttl}`);
  await sleep(ttlMilliseconds, { summary: `keep the finished Job ${cellId} for ${ttl}` });
  setCurrentDetails(`removing the Job ${cellId}`);
  await activities.removeCell(input);
  setCurrentDetails(`the Job ${cellId} and its pods are gone`);
}

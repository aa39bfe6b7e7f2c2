import { log, setCurrentDetails, sleep, workflowInfo } from "@temporalio/workflow";
import type { ReapInput } from "#activities/contract";
import { faultInReap } from "#core/contract/workflow-inputs";
import { formatDuration } from "#core/text/duration";
import { isKind, refuse, toWorkflowFailure } from "./failure.ts";
import { reaping } from "./phases.ts";

/**
 * The end of a cell in a cluster whose run is over: its supervisor is let go, what is left can be looked at for a while, and
 * then it is taken away. Nobody waits for this workflow.
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
    // Its run goes on, or it is no cell of a cluster.
    if (isKind(error, "invalid-request")) throw toWorkflowFailure(error);
    // It ends by itself after its grace.
    log.warn("the cell was not told to end", { cellId, error: String(error) });
  });
  setCurrentDetails(`the finished Job ${cellId} can be looked at for ${ttl}`);
  await sleep(ttlMilliseconds, { summary: `keep the finished Job ${cellId} for ${ttl}` });
  setCurrentDetails(`removing the Job ${cellId}`);
  await activities.removeCell(input);
  setCurrentDetails(`the Job ${cellId} and its pods are gone`);
}

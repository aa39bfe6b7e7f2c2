import {
  CancellationScope,
  continueAsNew,
  defineQuery,
  isCancellation,
  log,
  ParentClosePolicy,
  setCurrentDetails,
  setHandler,
  startChild,
  WorkflowIdReusePolicy,
  workflowInfo,
} from "@temporalio/workflow";
import type { BatchEntry } from "#activities/contract";
import {
  type BatchInput,
  type BatchOutcome,
  type BatchProgress,
  type BatchSummary,
  batchProgressQuery,
  batchRunId,
  batchSizes,
  endedOf,
} from "#core/contract/batch";
import { aboutMemo, requestHashMemo } from "#core/contract/names";
import { faultInBatch } from "#core/contract/workflow-inputs";
import { executeCode } from "./execute-code.ts";
import { failureOf, refuse, toWorkflowFailure } from "./failure.ts";
import { reading } from "./phases.ts";

const tooMany = (total: number) =>
  failureOf(
    "invalid-request",
    `total: got ${total}, and more requests than that; allowed is the number of all requests`,
  );

/** Shows the progress in the Temporal UI. */
function tellProgress(progress: BatchProgress, headline: string): void {
  const { total, started, outcomes } = progress;
  const ended = endedOf(progress);
  const counts = Object.entries(outcomes).map(([outcome, count]) => `- ${outcome}: ${count}`);
  setCurrentDetails(
    [`**${headline}**: ${ended} of ${total} runs have ended, ${started - ended} are running`, ...counts].join("\n"),
  );
}

/** Starts a run of the batch as a child workflow. */
const startRun = (entry: BatchEntry, id: string, limits: BatchInput["limits"]) =>
  startChild(executeCode, {
    args: [entry.request, limits],
    workflowId: id,
    // A reset of the batch must not start code a second time.
    workflowIdReusePolicy: WorkflowIdReusePolicy.REJECT_DUPLICATE,
    parentClosePolicy: ParentClosePolicy.REQUEST_CANCEL,
    memo: { [aboutMemo]: entry.about, ...(entry.hash === null ? {} : { [requestHashMemo]: entry.hash }) },
    staticSummary: entry.summary,
  });

/**
 * Runs many requests with bounded concurrency, each as a child workflow. Completes with the counts of their outcomes.
 * When it is cancelled, it starts no more runs, waits until the running ones are cleaned up, and still completes.
 *
 * Requests and results of the children are in its history, so it continues as new when the history has become large. It
 * does so between two chunks, after all started children have ended.
 */
export async function executeBatch(input: BatchInput): Promise<BatchSummary> {
  refuse(faultInBatch(input));
  const { workflowId } = workflowInfo();
  const { total, chunks, concurrency, limits, from } = input;
  let { started, outcomes } = from?.progress ?? { started: 0, outcomes: {} as BatchProgress["outcomes"] };
  const progress = (): BatchProgress => ({ total, started, outcomes });
  setHandler(defineQuery<BatchProgress>(batchProgressQuery), progress);

  const running = new Set<Promise<void>>();
  const count = (outcome: BatchOutcome): void => {
    outcomes = { ...outcomes, [outcome]: (outcomes[outcome] ?? 0) + 1 };
    tellProgress(progress(), "Running");
  };
  const runOne = async (entry: BatchEntry, index: number): Promise<void> => {
    try {
      const child = await startRun(entry, batchRunId(workflowId, index), limits);
      count((await child.result()).status);
    } catch (error) {
      // A cancellation needs no log line: the loop below handles it.
      if (!isCancellation(error)) log.info("a run of the batch was not carried out", { index, error: String(error) });
      count(isCancellation(error) ? "cancelled" : "error");
    }
  };
  const start = (entry: BatchEntry): void => {
    const run = runOne(entry, started).finally(() => running.delete(run));
    started += 1;
    running.add(run);
  };

  tellProgress(progress(), "Running");
  try {
    for (let index = from?.chunk ?? 0; index < chunks.length; index += 1) {
      const { continueAsNewSuggested, historySize } = workflowInfo();
      if (index > (from?.chunk ?? 0) && (continueAsNewSuggested || historySize > batchSizes.historyBytes)) {
        await Promise.all(running);
        if (CancellationScope.current().consideredCancelled) break;
        return await continueAsNew<typeof executeBatch>({ ...input, from: { chunk: index, progress: progress() } });
      }
      const chunk = chunks[index];
      for (const entry of chunk ? await reading(index).readRequests(chunk) : []) {
        while (running.size >= concurrency) await Promise.race(running);
        if (CancellationScope.current().consideredCancelled) break;
        if (started >= total) throw tooMany(total);
        start(entry);
      }
    }
  } catch (error) {
    if (!isCancellation(error)) throw toWorkflowFailure(error);
  }
  await CancellationScope.nonCancellable(() => Promise.all(running));
  const cancelled = CancellationScope.current().consideredCancelled;
  tellProgress(progress(), cancelled ? "Cancelled" : "Done");
  return { ...progress(), cancelled };
}

import {
  type BatchInput,
  batchSizes,
  batchTotalMemo,
  executeBatchWorkflow,
  maximumBatchConcurrency,
} from "#core/contract/batch";
import { KgentsError } from "#core/contract/error";
import { requestHashMemo } from "#core/contract/names";
import type { ExecutionRequest } from "#core/contract/request";
import type { ArtifactStore } from "#platform/store/artifact-store";
import { toKgentsError } from "../failure.ts";
import { priorityOf } from "../priority.ts";
import { idOf, type StartOptions } from "../start-execution.ts";
import { problemOf } from "../temporal/problem.ts";
import type { RunService } from "../temporal/run-service.ts";
import { type BatchHandle, batchHandle } from "./batch-handle.ts";
import { packBatch } from "./chunks.ts";

/** Options of a batch. */
export interface BatchOptions extends StartOptions {
  /**
   * How many runs to execute at once, from 1 to 100. The limits of the workers apply as well: runs without a free place
   * wait.
   *
   * @default 10
   */
  readonly concurrency?: number | undefined;
}

/** The default concurrency of one worker. */
const defaultConcurrency = 10;

function checkConcurrency(concurrency: number): number {
  if (Number.isInteger(concurrency) && concurrency >= 1 && concurrency <= maximumBatchConcurrency) return concurrency;
  throw new KgentsError(
    "invalid-request",
    `concurrency: got ${concurrency}; allowed is a whole number from 1 to ${maximumBatchConcurrency}`,
    { field: "concurrency" },
  );
}

/**
 * Starts a batch, or attaches to the existing one with the same id.
 *
 * @throws KgentsError `invalid-request`, which names the request, or `id-conflict` if the id belongs to other requests
 */
export async function startBatch(
  service: RunService,
  taskQueue: string,
  store: ArtifactStore | undefined,
  requests: Iterable<ExecutionRequest> | AsyncIterable<ExecutionRequest>,
  options: BatchOptions,
): Promise<BatchHandle> {
  const concurrency = checkConcurrency(options.concurrency ?? defaultConcurrency);
  const id = idOf(options.id, "batch");
  // Reject an invalid priority before packing.
  priorityOf(options.priority, undefined);
  const { chunks, total, hash, requester } = await packBatch(requests, store);
  const { limits } = store ? batchSizes.stored : batchSizes.inline;
  const input: BatchInput = { chunks, total, concurrency, limits };
  try {
    await service.start({
      workflowType: executeBatchWorkflow,
      workflowId: id,
      taskQueue,
      // The runs of the batch inherit it.
      priority: priorityOf(options.priority, requester),
      input,
      memo: { [requestHashMemo]: hash, [batchTotalMemo]: total },
      summary: `batch of ${total}, ${concurrency} at once`,
    });
    return batchHandle(service, id, store, { total, attached: false });
  } catch (error) {
    if (problemOf(error)?.kind !== "already-started") throw toKgentsError(error, id);
    const { memo, type } = await service.describe({ workflowId: id }).catch((failure) => {
      throw toKgentsError(failure, id);
    });
    if (type !== executeBatchWorkflow || memo[requestHashMemo] !== hash) {
      throw new KgentsError("id-conflict", `id: ${id} belongs to other requests`, { field: "id" });
    }
    return batchHandle(service, id, store, { total, attached: true });
  }
}

/**
 * The handle of a batch by its id. Any client may have started it.
 *
 * @throws KgentsError `not-found`
 */
export async function getBatch(
  service: RunService,
  store: ArtifactStore | undefined,
  id: string,
): Promise<BatchHandle> {
  const { memo, type } = await service.describe({ workflowId: id }).catch((error) => {
    throw toKgentsError(error, id);
  });
  if (type !== executeBatchWorkflow) throw new KgentsError("not-found", `there is no batch ${id}`);
  return batchHandle(service, id, store, { total: Number(memo[batchTotalMemo]), attached: true });
}

import { type Client, WorkflowExecutionAlreadyStartedError } from "@temporalio/client";
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
  client: Client,
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
    const handle = await client.workflow.start(executeBatchWorkflow, {
      workflowId: id,
      taskQueue,
      // The runs of the batch inherit it.
      priority: priorityOf(options.priority, requester),
      args: [input],
      memo: { [requestHashMemo]: hash, [batchTotalMemo]: total },
      workflowIdReusePolicy: "REJECT_DUPLICATE",
      workflowIdConflictPolicy: "FAIL",
      staticSummary: `batch of ${total}, ${concurrency} at once`,
    });
    return batchHandle(client, client.workflow.getHandle(handle.workflowId), store, { total, attached: false });
  } catch (error) {
    if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw toKgentsError(error, id);
    const handle = client.workflow.getHandle(id);
    const { memo, type } = await handle.describe().catch((failure) => {
      throw toKgentsError(failure, id);
    });
    if (type !== executeBatchWorkflow || memo?.[requestHashMemo] !== hash) {
      throw new KgentsError("id-conflict", `id: ${id} belongs to other requests`, { field: "id" });
    }
    return batchHandle(client, handle, store, { total, attached: true });
  }
}

/**
 * The handle of a batch by its id. Any client may have started it.
 *
 * @throws KgentsError `not-found`
 */
export async function getBatch(client: Client, store: ArtifactStore | undefined, id: string): Promise<BatchHandle> {
  const handle = client.workflow.getHandle(id);
  const { memo, type } = await handle.describe().catch((error) => {
    throw toKgentsError(error, id);
  });
  if (type !== executeBatchWorkflow) throw new KgentsError("not-found", `there is no batch ${id}`);
  return batchHandle(client, handle, store, { total: Number(memo?.[batchTotalMemo]), attached: true });
}

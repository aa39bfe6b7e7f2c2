/**
 * The contract of the workflow `executeBatch`, which starts many runs with bounded concurrency. Internal to this
 * version's client and worker. Each run is an ordinary `executeCode` workflow; its id is the batch's id and a number.
 *
 * @module
 */
import type { RunStatus } from "./run-status.ts";

/** The workflow type that carries a batch. */
export const executeBatchWorkflow = "executeBatch";

/** The query that answers with {@link BatchProgress}. */
export const batchProgressQuery = "progress";

/** The memo field that holds how many runs a batch has. */
export const batchTotalMemo = "kgentsBatchTotal";

/** The maximum number of runs in a batch. The workflow's input lists the chunks, so its size grows with the runs. */
export const maximumBatchRuns = 100_000;

/** The maximum concurrency of a batch: bounds the requests and results in flight in one history. */
export const maximumBatchConcurrency = 100;

/** Limits on the parts of a result that are returned to a parent workflow, through its history. */
export interface ResultLimits {
  /** Both streams, in bytes of JSON. @default 900 KiB */
  readonly streamBytes?: number;
  /** Output files, in bytes. @default 64 KiB */
  readonly fileBytes?: number;
}

/**
 * Limits on the payloads in a batch's history. SDKs and the UI read up to 1,000 events per response of at most 4 MiB. A
 * run adds six events, so it may add some KiB. A batch continues as new before the limit is reached.
 */
export const batchSizes = {
  /** For a client that reads the full requests and results from the artifact store. */
  stored: { requestBytes: 16 * 1024, limits: { streamBytes: 8 * 1024, fileBytes: 0 } },
  /** For a client without access to the artifact store. It cannot read what is truncated here. */
  inline: { requestBytes: 128 * 1024, limits: { streamBytes: 32 * 1024, fileBytes: 8 * 1024 } },
  /** Content above this size is put into the artifact store. */
  contentBytes: 4 * 1024,
  /** A batch continues as new when its history exceeds this size. */
  historyBytes: 2 * 2 ** 20,
} as const;

/** The maximum number of requests in a chunk. */
export const maximumChunkRuns = 50;
/** The maximum size of a chunk, in bytes of JSON. */
export const maximumChunkBytes = 256 * 1024;

/** Consecutive requests of a batch: inline, or as JSON lines in the artifact store. */
export type BatchChunk =
  | { readonly requests: readonly unknown[] }
  | { readonly artifact: string; readonly bytes: number };

/** How a run of a batch ended. `error`: the run could not be carried out. */
export type BatchOutcome = RunStatus | "error";

/** The progress of a batch. */
export interface BatchProgress {
  readonly total: number;
  /** The number of runs started so far. Runs start in the order of the requests. */
  readonly started: number;
  /** The number of ended runs by outcome. */
  readonly outcomes: Readonly<Partial<Record<BatchOutcome, number>>>;
}

/** The input of `executeBatch`. */
export interface BatchInput {
  readonly chunks: readonly BatchChunk[];
  readonly total: number;
  /** The maximum number of runs at once. */
  readonly concurrency: number;
  readonly limits: ResultLimits;
  /** Set after continue-as-new: the next chunk, and the progress up to it. */
  readonly from?: { readonly chunk: number; readonly progress: BatchProgress };
}

/** The result of `executeBatch`. */
export interface BatchSummary extends BatchProgress {
  /** Whether the batch was cancelled. */
  readonly cancelled: boolean;
}

/** The workflow id of a run of a batch. @param index of its request, from 0 */
export const batchRunId = (batchId: string, index: number): string => `${batchId}/${index + 1}`;

/** The number of runs that have ended. */
export const endedOf = ({ outcomes }: BatchProgress): number =>
  Object.values(outcomes).reduce((sum, count) => sum + count, 0);

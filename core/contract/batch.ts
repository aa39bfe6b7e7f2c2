/**
 * Many runs as one: the workflow `executeBatch`, which starts them a few at a time. An internal contract of this version's client
 * and worker; each of its runs is an ordinary one, under the batch's id and its number.
 *
 * @module
 */
import type { RunStatus } from "./result.ts";

/** The workflow type that carries a batch. */
export const executeBatchWorkflow = "executeBatch";

/** The query that answers with {@link BatchProgress}. */
export const batchProgressQuery = "progress";

/** The memo field that holds how many runs a batch has. */
export const batchTotalMemo = "kgentsBatchTotal";

/** The most runs of one batch: their chunks' names stand in the workflow's input. */
export const maximumBatchRuns = 100_000;

/** The most runs of a batch at once: what one history takes of requests and results that are under way. */
export const maximumBatchConcurrency = 100;

/** How much of a result travels through the history of whoever started the run as a child. */
export interface ResultLimits {
  /** Both streams, in bytes of JSON. @default 900 KiB */
  readonly streamBytes?: number;
  /** Output files, in bytes. @default 64 KiB */
  readonly fileBytes?: number;
}

/**
 * The sizes of what passes the history of a batch. SDKs and the UI read up to 1,000 events in one answer of at most 4 MiB, so a run
 * (six events) may add some KiB, and a batch goes on in a new history before that is reached.
 */
export const batchSizes = {
  /** Where the artifact store has the rest, and the client reads it there. */
  stored: { requestBytes: 16 * 1024, limits: { streamBytes: 8 * 1024, fileBytes: 0 } },
  /** Where the client cannot reach it: what is cut here is out of its reach. */
  inline: { requestBytes: 128 * 1024, limits: { streamBytes: 32 * 1024, fileBytes: 8 * 1024 } },
  /** Content above this goes by the store. */
  contentBytes: 4 * 1024,
  /** A batch goes on in a new history when the old one has so many bytes. */
  historyBytes: 2 * 2 ** 20,
} as const;

/** A chunk of a batch's requests is at most so many, and so many bytes of JSON. */
export const maximumChunkRuns = 50;
export const maximumChunkBytes = 256 * 1024;

/** Some requests of a batch in a row: as they are, or as lines of JSON in the artifact store. */
export type BatchChunk =
  | { readonly requests: readonly unknown[] }
  | { readonly artifact: string; readonly bytes: number };

/** How a run of a batch ended; `error` where it could not be carried out. */
export type BatchOutcome = RunStatus | "error";

/** How far a batch is. */
export interface BatchProgress {
  readonly total: number;
  /** How many runs were started, in the order of the requests. */
  readonly started: number;
  /** How many have ended, and how. */
  readonly outcomes: Readonly<Partial<Record<BatchOutcome, number>>>;
}

/** The input of `executeBatch`. */
export interface BatchInput {
  readonly chunks: readonly BatchChunk[];
  readonly total: number;
  /** How many runs at once. */
  readonly concurrency: number;
  readonly limits: ResultLimits;
  /** Where a later part of the workflow goes on: the chunk, and what was before it. */
  readonly from?: { readonly chunk: number; readonly progress: BatchProgress };
}

/** What `executeBatch` answers. */
export interface BatchSummary extends BatchProgress {
  /** Whether it was cancelled before all had ended. */
  readonly cancelled: boolean;
}

/** The workflow id of a run of a batch, by its place among the requests: 0, 1, ... */
export const batchRunId = (batchId: string, index: number): string => `${batchId}/${index + 1}`;

/** How many runs have ended. */
export const endedOf = ({ outcomes }: BatchProgress): number =>
  Object.values(outcomes).reduce((sum, count) => sum + count, 0);

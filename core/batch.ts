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

/** The most runs of one batch: their chunks' names stand in the workflow's input. */
export const maximumBatchRuns = 100_000;

/**
 * The most runs of a batch at once. Each run's request and result pass the batch's history, which may grow to 50 MiB: a hundred at
 * 128 KiB and a quarter of a MiB leave room beside what was there before.
 */
export const maximumBatchConcurrency = 100;

/** The largest request of a batch, in bytes of JSON; larger code, stdin and files go by the artifact store. */
export const maximumBatchRequestBytes = 128 * 1024;

/** What a run of a batch carries of its output in its result, in bytes of JSON; all of it is in the artifact store. */
export const batchStreamBytes = 64 * 1024;

/** A chunk of a batch's requests is at most so many, and so many bytes of JSON: they pass the history. */
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
  /** Where a later part of the workflow goes on: the chunk, and what was before it. */
  readonly from?: { readonly chunk: number; readonly progress: BatchProgress };
}

/** What `executeBatch` answers. */
export interface BatchSummary extends BatchProgress {
  /** Whether it was cancelled before all were started. */
  readonly cancelled: boolean;
}

/** The workflow id of a run of a batch, by its place among the requests: 0, 1, ... */
export const batchRunId = (batchId: string, index: number): string => `${batchId}/${index + 1}`;

/** How many runs have ended. */
export const endedOf = ({ outcomes }: BatchProgress): number =>
  Object.values(outcomes).reduce((sum, count) => sum + count, 0);

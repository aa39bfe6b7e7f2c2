import { z } from "zod";
import { type BatchProgress, type BatchSummary, batchProgressQuery } from "#core/contract/batch";
import { KgentsError } from "#core/contract/error";
import type { ArtifactStore } from "#platform/store/artifact-store";
import { awaitResult } from "../execution-handle.ts";
import { toKgentsError } from "../failure.ts";
import { fits } from "../runs/read-result.ts";
import { isNotFound } from "../temporal/problem.ts";
import type { RunService } from "../temporal/run-service.ts";
import { type BatchItem, batchItems } from "./batch-items.ts";

/** A batch: its results, progress and end. */
export interface BatchHandle {
  /** The batch's id; its runs have the ids `<id>/1`, `<id>/2`, ... */
  readonly id: string;
  /** The number of requests. */
  readonly total: number;
  /** Whether the batch existed already, with the same id and the same requests. */
  readonly attached: boolean;
  /** The outcome of each request, in order, as soon as it is known. */
  readonly items: () => AsyncGenerator<BatchItem>;
  /** Whether the batch has ended. */
  readonly isOver: () => Promise<boolean>;
  /** Reads the present progress. */
  readonly progress: () => Promise<BatchProgress>;
  /** Waits for the end of the batch. */
  readonly summary: () => Promise<BatchSummary>;
  /** Requests cancellation: no more runs are started, and open ones are cancelled. */
  readonly cancel: () => Promise<void>;
}

const count = z.int().min(0);
const summarySchema = z.object({
  total: count,
  started: count,
  outcomes: z.record(z.string(), count),
  cancelled: z.boolean(),
});

/** Validates the result of a batch, which may have any shape. */
function summaryOf(value: unknown, id: string): BatchSummary {
  if (fits(summarySchema, value)) return value as BatchSummary;
  throw new KgentsError("namespace-conflict", `the result of the batch ${id} is not one of kgents`);
}

/** Creates the handle of an existing batch. */
export function batchHandle(
  service: RunService,
  id: string,
  store: ArtifactStore | undefined,
  about: Pick<BatchHandle, "total" | "attached">,
): BatchHandle {
  const batch = { workflowId: id };
  let summary: Promise<BatchSummary> | undefined;
  const awaited = (): Promise<BatchSummary> => {
    if (!summary) {
      summary = awaitResult(service, batch, summaryOf);
      summary.catch(() => {});
    }
    return summary;
  };
  const progress = async (): Promise<BatchProgress> => {
    try {
      return (await service.query(batch, batchProgressQuery)) as BatchProgress;
    } catch (error) {
      throw toKgentsError(error, id);
    }
  };
  return {
    id,
    ...about,
    progress,
    summary: awaited,
    isOver: async () => {
      const { closeTime } = await service.describe(batch).catch((error) => {
        throw toKgentsError(error, id);
      });
      return closeTime !== undefined;
    },
    items: batchItems({ service, id, total: about.total, store, progress, ended: awaited }),
    cancel: async () => {
      await service.cancel(batch).catch((error) => {
        if (!isNotFound(error)) throw toKgentsError(error, id);
      });
    },
  };
}

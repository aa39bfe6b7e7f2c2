import { setTimeout as wait } from "node:timers/promises";
import { z } from "zod";
import { type BatchProgress, type BatchSummary, batchProgressQuery, batchRunId } from "#core/contract/batch";
import { KgentsError } from "#core/contract/error";
import type { ExecutionResult } from "#core/contract/result";
import type { ArtifactStore } from "#platform/store/artifact-store";
import { keyOf } from "#platform/store/references";
import { summariseStreams } from "#platform/store/summarise";
import { awaitResult } from "../execution-handle.ts";
import { type RunFailure, runFailureOf, toKgentsError } from "../failure.ts";
import { fits, resultOf } from "../runs/read-result.ts";
import { isNotFound } from "../temporal/problem.ts";
import type { RunService } from "../temporal/run-service.ts";

/** The outcome of one request of a batch. */
export interface BatchItem {
  /** Its index among the requests: 0, 1, ... */
  readonly index: number;
  /** The id of its run. */
  readonly id: string;
  /**
   * Null if it could not be carried out. If the artifact store is out of reach, only the head and the tail of output
   * above 32 KiB are included.
   */
  readonly result: ExecutionResult | null;
  /** Why it could not be carried out; null if it was. */
  readonly failure: RunFailure | null;
}

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

/** How often to check whether more runs were started, in milliseconds. */
const lookMilliseconds = 500;
/** The number of results to wait for concurrently, so that the next ones are ready in time. */
const ahead = 16;

const neverStarted: RunFailure = {
  kind: "terminated",
  message: "the batch ended before this run was started",
  field: null,
  remedy: "Send the request again in another batch.",
};

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

/** Completes a result's output from the artifact store. A batch's history only holds excerpts. */
async function completed(result: ExecutionResult, store: ArtifactStore | undefined): Promise<ExecutionResult> {
  const { attempts, stdout, stderr } = result;
  const reference = stdout.ref ?? stderr.ref;
  if (!store || reference === null || !(stdout.truncated || stderr.truncated)) return result;
  const whole = await summariseStreams(store, keyOf(reference), { attempt: attempts }).catch(() => undefined);
  // Keep the result if the store is unavailable or has less output.
  if (whole?.stdout.sha256 !== stdout.sha256 || whole.stderr.sha256 !== stderr.sha256) return result;
  return { ...result, stdout: whole.stdout, stderr: whole.stderr };
}

/** Creates the handle of an existing batch. */
export function batchHandle(
  service: RunService,
  id: string,
  store: ArtifactStore | undefined,
  about: Pick<BatchHandle, "total" | "attached">,
): BatchHandle {
  const batch = { workflowId: id };
  const { total } = about;
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

  /** How many runs are known to have started, and whether the batch is over. */
  let known = { started: 0, isOver: false };
  let looking: Promise<void> | undefined;
  const look = (): Promise<void> => {
    looking ??= (async () => {
      const over = await Promise.race([
        awaited().then(
          () => true,
          () => true,
        ),
        wait(lookMilliseconds, false),
      ]);
      // Ignore a worker that does not answer: the next check asks again.
      const { started } = over ? { started: total } : await progress().catch(() => known);
      known = { started: Math.max(known.started, started), isOver: over };
    })().finally(() => {
      looking = undefined;
    });
    return looking;
  };
  const itemOf = async (index: number): Promise<BatchItem> => {
    const runId = batchRunId(id, index);
    for (;;) {
      while (known.started <= index && !known.isOver) await look();
      const { isOver } = known;
      try {
        const result = await awaitResult(service, { workflowId: runId }, resultOf);
        return { index, id: runId, result: await completed(result, store), failure: null };
      } catch (error) {
        const isMissing = error instanceof KgentsError && error.code === "not-found";
        if (isMissing && !isOver) {
          // The workflow counts a run when it requests its start, shortly before the run exists.
          await look();
          continue;
        }
        return { index, id: runId, result: null, failure: isMissing ? neverStarted : runFailureOf(error, runId) };
      }
    }
  };
  return {
    ...{ id, ...about, progress, summary: awaited },
    isOver: async () => {
      const { closeTime } = await service.describe(batch).catch((error) => {
        throw toKgentsError(error, id);
      });
      return closeTime !== undefined;
    },
    items: async function* () {
      const next: Promise<BatchItem>[] = [];
      for (let index = 0; index < total; index += 1) {
        while (next.length < ahead && index + next.length < total) {
          const item = itemOf(index + next.length);
          item.catch(() => {});
          next.push(item);
        }
        const first = next.shift();
        if (first) yield await first;
      }
    },
    cancel: async () => {
      await service.cancel(batch).catch((error) => {
        if (!isNotFound(error)) throw toKgentsError(error, id);
      });
    },
  };
}

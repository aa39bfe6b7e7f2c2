import { setTimeout as wait } from "node:timers/promises";
import { type Client, type WorkflowHandle, WorkflowNotFoundError } from "@temporalio/client";
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

/** What became of one request of a batch. */
export interface BatchItem {
  /** Its place among the requests: 0, 1, ... */
  readonly index: number;
  /** The id of its run. */
  readonly id: string;
  /** Null where it could not be carried out. Where the artifact store is out of reach, of output above 32 KiB it has the ends. */
  readonly result: ExecutionResult | null;
  /** Why it could not be carried out, where it could not. */
  readonly failure: RunFailure | null;
}

/** A batch: its results, how far it is, its end. */
export interface BatchHandle {
  /** The batch's id; its runs have the ids `<id>/1`, `<id>/2`, ... */
  readonly id: string;
  /** How many requests it has. */
  readonly total: number;
  /** Whether it was there already, under the same id with the same requests. */
  readonly attached: boolean;
  /** What became of each request, in their order, as soon as it is known. */
  readonly items: () => AsyncGenerator<BatchItem>;
  /** Whether it has ended. */
  readonly isOver: () => Promise<boolean>;
  /** How far it is. */
  readonly progress: () => Promise<BatchProgress>;
  /** Waits for its end. */
  readonly summary: () => Promise<BatchSummary>;
  /** Asks to cancel: no more runs are started, and those that run are cancelled. */
  readonly cancel: () => Promise<void>;
}

/** How often to look whether more runs were started. */
const lookMilliseconds = 500;
/** How many results are waited for at once: the next ones are there when their turn comes. */
const ahead = 16;

const neverStarted: RunFailure = {
  kind: "terminated",
  message: "the batch ended before this run was started",
  field: null,
  remedy: "Send the request again, in another batch.",
};

const count = z.int().min(0);
const summarySchema = z.object({
  total: count,
  started: count,
  outcomes: z.record(z.string(), count),
  cancelled: z.boolean(),
});

/** Checks what a batch has ended with: it may be of any shape. */
function summaryOf(value: unknown, id: string): BatchSummary {
  if (fits(summarySchema, value)) return value as BatchSummary;
  throw new KgentsError("namespace-conflict", `the result of the batch ${id} is not one of kgents`);
}

/** A result with as much of its output as every result holds: what passes the batch's history is cut. */
async function completed(result: ExecutionResult, store: ArtifactStore | undefined): Promise<ExecutionResult> {
  const { attempts, stdout, stderr } = result;
  const reference = stdout.ref ?? stderr.ref;
  if (!store || reference === null || !(stdout.truncated || stderr.truncated)) return result;
  const whole = await summariseStreams(store, keyOf(reference), { attempt: attempts }).catch(() => undefined);
  // A store that has less than there was, or is away, says nothing better.
  if (whole?.stdout.sha256 !== stdout.sha256 || whole.stderr.sha256 !== stderr.sha256) return result;
  return { ...result, stdout: whole.stdout, stderr: whole.stderr };
}

/** Makes the handle of a batch that is there. */
export function batchHandle(
  client: Client,
  handle: WorkflowHandle,
  store: ArtifactStore | undefined,
  about: Pick<BatchHandle, "total" | "attached">,
): BatchHandle {
  const id = handle.workflowId;
  const { total } = about;
  let summary: Promise<BatchSummary> | undefined;
  const awaited = (): Promise<BatchSummary> => {
    if (!summary) {
      summary = awaitResult(handle, id, summaryOf);
      summary.catch(() => {});
    }
    return summary;
  };
  const progress = async (): Promise<BatchProgress> => {
    try {
      return await handle.query<BatchProgress>(batchProgressQuery);
    } catch (error) {
      throw toKgentsError(error, id);
    }
  };

  /** How many runs were started, as far as is known, and whether there will be more. */
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
      // A worker that does not answer now will: runs are what is waited for.
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
        const result = await awaitResult(client.workflow.getHandle(runId), runId, resultOf);
        return { index, id: runId, result: await completed(result, store), failure: null };
      } catch (error) {
        const isMissing = error instanceof KgentsError && error.code === "not-found";
        if (isMissing && !isOver) {
          // It is counted when it is asked for, and there a moment later.
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
      const { closeTime } = await handle.describe().catch((error) => {
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
      await handle.cancel().catch((error) => {
        if (!(error instanceof WorkflowNotFoundError)) throw toKgentsError(error, id);
      });
    },
  };
}

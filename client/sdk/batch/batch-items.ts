import { setTimeout as wait } from "node:timers/promises";
import { type BatchProgress, batchRunId } from "#core/contract/batch";
import { KgentsError } from "#core/contract/error";
import type { ExecutionResult } from "#core/contract/result";
import type { ArtifactStore } from "#platform/store/artifact-store";
import { keyOf } from "#platform/store/references";
import { summariseStreams } from "#platform/store/summarise";
import { awaitResult } from "../execution-handle.ts";
import { type RunFailure, runFailureOf } from "../failure.ts";
import { resultOf } from "../runs/read-result.ts";
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

/** A batch, as far as its items are read from it. */
export interface ItemSource {
  readonly service: RunService;
  readonly id: string;
  /** The number of requests. */
  readonly total: number;
  readonly store: ArtifactStore | undefined;
  /** Reads the present progress. */
  readonly progress: () => Promise<BatchProgress>;
  /** Settles when the batch has ended. */
  readonly ended: () => Promise<unknown>;
}

/** How often to check whether more runs were started, in milliseconds. */
const lookMilliseconds = 500;
const neverStarted: RunFailure = {
  kind: "terminated",
  message: "the batch ended before this run was started",
  field: null,
  remedy: "Send the request again in another batch.",
};

/** The number of results to wait for concurrently, so that the next ones are ready in time. */
const ahead = 16;

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

/** How far a batch is known to be. */
interface Known {
  /** How many runs have started. */
  readonly started: number;
  readonly isOver: boolean;
}

interface ProgressReader {
  readonly known: () => Known;
  /** Waits for the end of the batch, or half a second, and then updates what is known. Concurrent calls share one request. */
  readonly update: () => Promise<void>;
}

function progressReader({ total, progress, ended }: ItemSource): ProgressReader {
  let known: Known = { started: 0, isOver: false };
  let reading: Promise<void> | undefined;
  const readOnce = async (): Promise<void> => {
    const end = ended().then(
      () => true,
      () => true,
    );
    const isOver = await Promise.race([end, wait(lookMilliseconds, false)]);
    // Ignore a worker that does not answer: the next call asks again.
    const { started } = isOver ? { started: total } : await progress().catch(() => known);
    known = { started: Math.max(known.started, started), isOver };
  };
  return {
    known: () => known,
    update: () => {
      reading ??= readOnce().finally(() => {
        reading = undefined;
      });
      return reading;
    },
  };
}

/** Creates a function that waits for the outcome of one request, by its index. */
function itemReader(source: ItemSource): (index: number) => Promise<BatchItem> {
  const { service, id, store } = source;
  const { known, update } = progressReader(source);
  return async (index) => {
    const runId = batchRunId(id, index);
    for (;;) {
      while (known().started <= index && !known().isOver) await update();
      const { isOver } = known();
      try {
        const result = await awaitResult(service, { workflowId: runId }, resultOf);
        return { index, id: runId, result: await completed(result, store), failure: null };
      } catch (error) {
        const isMissing = error instanceof KgentsError && error.code === "not-found";
        if (!isMissing || isOver) {
          return { index, id: runId, result: null, failure: isMissing ? neverStarted : runFailureOf(error, runId) };
        }
        // The workflow counts a run when it requests its start, shortly before the run exists.
        await update();
      }
    }
  };
}

/** Creates the function that waits for the outcomes of all requests, in order. */
export function batchItems(source: ItemSource): () => AsyncGenerator<BatchItem> {
  const { total } = source;
  const itemOf = itemReader(source);
  return async function* () {
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
  };
}

import { z } from "zod";
import type { ProvisionedCell } from "#activities/contract";
import type { Phase } from "#core/contract/names";
import { type ExecutionResult, type Isolation, isolationSchema, resultSchema } from "#core/contract/result";
import { type RunFailure, runFailureOf, toKgentsError } from "../failure.ts";
import type { RunReference, RunService } from "../temporal/run-service.ts";
import { type RunSummary, summarise } from "./list-runs.ts";
import { phaseOf } from "./phase.ts";
import { readRequest } from "./read-request.ts";
import { fits, resultOf } from "./read-result.ts";
import { type Waiting, waitingOf } from "./waiting.ts";

/** The times of a run, as far as they are known. */
export interface RunTimings {
  /** When the run was requested. */
  readonly queued: Date;
  /** When its cell was ready. */
  readonly provisioned: Date | null;
  /** When the code started. For an open run, when a worker began to start it, which takes a while in a cluster. */
  readonly started: Date | null;
  /** When the code ended or the run failed. */
  readonly finished: Date | null;
  /** When the clean-up was complete. */
  readonly closed: Date | null;
}

/** The full details of a run. */
export interface RunDetails extends RunSummary {
  /** The phase of an open run; null if it has ended or no worker answers. */
  readonly phase: Phase | null;
  /** Set while the run waits because all places are taken. */
  readonly waiting: Waiting | null;
  readonly taskQueue: string;
  /** The request as it was sent. It is unvalidated, because any SDK can start a run. */
  readonly request: unknown;
  /** The limits that are enforced around the code; null if there is no cell yet or never was one. */
  readonly isolation: Isolation | null;
  /** Why the run went to another backend than the first choice. */
  readonly fallback: { readonly from: string; readonly reason: string } | null;
  readonly timings: RunTimings;
  /** Null while the run is open, and if it could not be carried out. */
  readonly result: ExecutionResult | null;
  /** Null unless the run could not be carried out. */
  readonly failure: RunFailure | null;
}

/** What `provision` returned to a run without a result, from its history. */
interface Provisioning {
  readonly cell: ReturnType<typeof cellOf> | null;
  readonly provisionedAt: Date | null;
}

const dateOrNull = (text: string | null): Date | null => (text === null ? null : new Date(text));

/** The fields of a cell that are used here. */
const cellSchema = z.object({
  language: resultSchema.shape.language,
  backend: resultSchema.shape.backend.unwrap(),
  fallback: resultSchema.shape.fallback,
  isolation: isolationSchema,
});

/** The cell in the result of `provision`; undefined if there is none. */
const cellOf = (answer: unknown): Pick<ProvisionedCell, keyof z.output<typeof cellSchema>> | undefined =>
  fits(cellSchema, answer) ? (answer as ProvisionedCell) : undefined;

async function readProvisioning(service: RunService, run: RunReference): Promise<Provisioning> {
  let last: Provisioning = { cell: null, provisionedAt: null };
  for (const { result, completedAt } of await service.completed(run, "provision")) {
    const cell = cellOf(result);
    if (cell) last = { cell, provisionedAt: completedAt ?? null };
  }
  return last;
}

/** The outcome of a closed run. */
async function readEnd(service: RunService, run: RunReference): Promise<Pick<RunDetails, "result" | "failure">> {
  const { workflowId: id } = run;
  try {
    return { result: resultOf(await service.result(run), id), failure: null };
  } catch (error) {
    const failure = runFailureOf(error, id);
    // These errors are about the connection or the lookup, not the run's end.
    if (failure.kind === "temporal-unavailable" || failure.kind === "not-found") throw error;
    return { result: null, failure };
  }
}

/**
 * Reads the full details of a run.
 *
 * @throws KgentsError `temporal-unavailable`, `not-found`
 */
export async function inspectRun(service: RunService, id: string): Promise<RunDetails> {
  try {
    const info = await service.describe({ workflowId: id });
    const isOpen = info.closeTime === undefined;
    const at = { workflowId: id, runId: info.runId };
    const [summary, request, phase, end] = await Promise.all([
      summarise(service, info),
      readRequest(service, id, info.runId),
      isOpen ? phaseOf(service, at) : null,
      isOpen ? { result: null, failure: null } : readEnd(service, at),
    ]);
    const { result } = end;
    const waiting = isOpen ? waitingOf(info) : null;
    const { cell, provisionedAt } = result ? { cell: null, provisionedAt: null } : await readProvisioning(service, at);
    const executing = info.pendingActivities.find(({ type }) => type === "execute");
    const startedAt = executing?.startedAt ?? null;
    return {
      ...summary,
      // A result that kgents did not write means `error`, whatever the search attributes.
      status: info.status === "COMPLETED" && end.failure ? "error" : summary.status,
      language: result?.language ?? cell?.language ?? summary.language,
      backend: result?.backend ?? cell?.backend ?? summary.backend,
      phase,
      waiting,
      request,
      taskQueue: info.taskQueue,
      isolation: result?.isolation ?? cell?.isolation ?? null,
      fallback: result?.fallback ?? cell?.fallback ?? null,
      timings: {
        queued: info.startTime,
        provisioned: result ? dateOrNull(result.timings.provisioned) : provisionedAt,
        started: result ? dateOrNull(result.timings.started) : startedAt,
        finished: result ? new Date(result.timings.finished) : null,
        closed: info.closeTime ?? null,
      },
      ...end,
    };
  } catch (error) {
    throw toKgentsError(error, id);
  }
}

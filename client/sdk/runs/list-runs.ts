import { aboutOf, type RunAbout } from "#core/contract/about";
import { aboutMemo, searchAttributes } from "#core/contract/names";
import type { BackendName, ExecutionResult } from "#core/contract/result";
import { grpcStatus } from "#platform/temporal/grpc-status";
import { toKgentsError } from "../failure.ts";
import { isNotFound, problemOf } from "../temporal/problem.ts";
import type { RunInfo, RunService } from "../temporal/run-service.ts";
import { readRequest } from "./read-request.ts";
import { isForeignResult, resultOf } from "./read-result.ts";
import { type RunFilter, runQuery } from "./run-query.ts";
import { type RunState, stateOf } from "./run-state.ts";

/** A run in the list of runs. */
export interface RunSummary extends RunAbout {
  /** The run's id: the workflow id. */
  readonly id: string;
  /** Temporal's id of this execution of the workflow. */
  readonly runId: string;
  readonly status: RunState;
  /** Null if no backend was chosen yet or ever. */
  readonly backend: BackendName | null;
  readonly startedAt: Date;
  readonly closedAt: Date | null;
}

/** Filters and limits of a list of runs. */
export interface ListOptions extends RunFilter {
  /** @default all */
  readonly limit?: number;
  /** Called with a notice if the list is slow or incomplete. */
  readonly onRemark?: (remark: string) => void;
}

/** How many runs to describe concurrently if the list lacks details. */
const lookAtOnce = 16;

const keywordOf = (info: RunInfo, name: string): string | undefined => {
  const value = info.searchAttributes[name]?.[0];
  return typeof value === "string" ? value : undefined;
};

const backendOf = (value: string | null | undefined): BackendName | null =>
  value === "kubernetes" || value === "subprocess" ? value : null;

/** A result; undefined if kgents did not write it. The list then shows the run as not carried out. */
function resultIfOurs(value: unknown, id: string): ExecutionResult | undefined {
  try {
    return resultOf(value, id);
  } catch (error) {
    if (isForeignResult(error)) return undefined;
    throw error;
  }
}

/** Combines the entry of a run in the list with details from other requests. */
export async function summarise(service: RunService, info: RunInfo): Promise<RunSummary> {
  const { workflowId: id, runId, memo } = info;
  const about = aboutOf(memo[aboutMemo] ?? (await readRequest(service, id, runId)));
  const state = stateOf(info);
  const result = state === undefined ? resultIfOurs(await service.result({ workflowId: id, runId }), id) : undefined;
  return {
    id,
    runId,
    status: state ?? result?.status ?? "error",
    ...about,
    language: keywordOf(info, searchAttributes.language) ?? result?.language ?? about.language,
    backend: backendOf(keywordOf(info, searchAttributes.backend) ?? result?.backend),
    startedAt: info.startTime,
    closedAt: info.closeTime ?? null,
  };
}

function matches(run: RunSummary, { status, language, labels = {} }: RunFilter): boolean {
  return (
    (status?.includes(run.status) ?? true) &&
    (language === undefined || run.language === language) &&
    Object.entries(labels).every(([key, value]) => run.labels[key] === value)
  );
}

async function* inBatches<Item>(items: AsyncIterable<Item>, size: number): AsyncGenerator<Item[]> {
  let batch: Item[] = [];
  for await (const item of items) {
    batch.push(item);
    if (batch.length < size) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}

/** Whether the server rejected an unknown search attribute. */
function isUnknownAttribute(error: unknown): boolean {
  const problem = problemOf(error);
  return problem?.kind === "unanswered" && problem.code === grpcStatus.invalidArgument;
}

/** A run may pass its retention between the list and a request for its details. It is then left out. */
function ifGone(error: unknown): undefined {
  if (isNotFound(error)) return undefined;
  throw error;
}

/**
 * Lists the runs of a task queue: open ones first, then the latest closed ones.
 *
 * Temporal filters the list by search attributes, if the namespace has them. Otherwise, and for details that they lack,
 * each candidate is described individually. That is slower, with the same result.
 *
 * @throws KgentsError `temporal-unavailable`
 */
export async function* listRuns(
  service: RunService,
  taskQueue: string,
  options: ListOptions = {},
): AsyncGenerator<RunSummary> {
  const { limit = Number.POSITIVE_INFINITY, onRemark = () => {} } = options;
  const find = async function* (withAttributes: boolean): AsyncGenerator<RunSummary> {
    const query = runQuery(taskQueue, options, withAttributes);
    for await (const batch of inBatches(service.list(query), lookAtOnce)) {
      const runs = await Promise.all(batch.map((info) => summarise(service, info).catch(ifGone)));
      yield* runs.filter((run) => run !== undefined);
    }
  };
  let listed = 0;
  for (const withAttributes of [true, false]) {
    try {
      for await (const run of find(withAttributes)) {
        if (!matches(run, options)) continue;
        if (listed === limit) return;
        listed += 1;
        yield run;
      }
      return;
    } catch (error) {
      if (!withAttributes || !isUnknownAttribute(error)) throw toKgentsError(error, "");
      onRemark("this namespace lacks kgents' search attributes, so each run is read from its history");
    }
  }
}

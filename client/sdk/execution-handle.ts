import { setTimeout as wait } from "node:timers/promises";
import { KgentsError } from "#core/contract/error";
import type { Phase } from "#core/contract/names";
import type { ExecutionResult } from "#core/contract/result";
import type { ArtifactStore } from "#platform/store/artifact-store";
import { runKey, type StreamName } from "#platform/store/references";
import { toKgentsError } from "./failure.ts";
import type { OutputEvent } from "./output/event.ts";
import { followHeartbeats } from "./output/follow-heartbeat.ts";
import { followStore } from "./output/follow-store.ts";
import { glanceAtHeartbeat, glanceAtStore } from "./output/glance.ts";
import { inspectRun, type RunDetails } from "./runs/inspect-run.ts";
import { phaseOf } from "./runs/phase.ts";
import { isForeignResult, resultOf } from "./runs/read-result.ts";
import { type RunState, stateOf } from "./runs/run-state.ts";
import { type Waiting, waitingOf } from "./runs/waiting.ts";
import { isNotFound, problemOf } from "./temporal/problem.ts";
import type { RunReference, RunService } from "./temporal/run-service.ts";

/**
 * How long the server may be unavailable while a client waits for a result, in milliseconds. Covers a restart or
 * failover, during which the run continues.
 */
const serverAwayMilliseconds = 120_000;

/** The present state of a run. */
export interface ExecutionDescription {
  readonly id: string;
  readonly runId: string;
  readonly status: RunState;
  /** The phase of an open run; null if it has ended or no worker answers. */
  readonly phase: Phase | null;
  /** Set while the run waits because all places are taken. */
  readonly waiting: Waiting | null;
  readonly startedAt: Date;
  readonly closedAt: Date | null;
}

/** A run: wait for it, follow it, cancel it. */
export interface ExecutionHandle {
  /** The run's id: the workflow id. */
  readonly id: string;
  /** Temporal's id of this execution of the workflow. */
  readonly runId: string;
  /**
   * Temporal's id of the run's first execution. It differs from `runId` after a reset. The output is stored under this
   * id.
   */
  readonly firstRunId: string;
  /** Whether the run existed already, with the same id and the same request. */
  readonly attached: boolean;
  /**
   * Waits for the result.
   *
   * @throws KgentsError with the failure's kind, if the run could not be carried out
   */
  readonly result: () => Promise<ExecutionResult>;
  /**
   * Streams the live output to its end. Each stream is complete and in order. Bytes that cannot be retrieved are
   * reported as `omitted`. Ends with the run, whatever its outcome.
   */
  readonly output: (options?: { onBehind?: (stream: StreamName) => void }) => AsyncIterable<OutputEvent>;
  /**
   * The output so far; all of it for a closed run. Bytes that cannot be retrieved are reported as `omitted`. Without
   * the artifact store, an open run only has the output of its latest heartbeat.
   */
  readonly outputSoFar: () => AsyncIterable<OutputEvent>;
  /**
   * Requests cancellation. The result then has the status `cancelled` and the output so far. Does nothing for a closed
   * run.
   */
  readonly cancel: () => Promise<void>;
  readonly describe: () => Promise<ExecutionDescription>;
  /**
   * The full details of the run: request, phase, backend, isolation, timings, result or failure.
   *
   * @throws KgentsError `temporal-unavailable`
   */
  readonly inspect: () => Promise<RunDetails>;
}

/** Whether the server did not answer, or there is no connection to it. */
const isAway = (error: unknown): boolean =>
  problemOf(error)?.kind === "unanswered" || (error instanceof KgentsError && error.code === "temporal-unavailable");

/**
 * Waits for a workflow's result. Survives a restart of the server.
 *
 * @param check validates the result, which may have any shape
 * @throws KgentsError
 */
export async function awaitResult<Result>(
  service: RunService,
  run: RunReference,
  check: (value: unknown, id: string) => Result,
): Promise<Result> {
  const id = run.workflowId;
  let awaySince: number | undefined;
  for (;;) {
    const asked = Date.now();
    try {
      return check(await service.result(run), id);
    } catch (error) {
      const away = isAway(error);
      // After a long wait, the server must have answered in between, so this is a new outage.
      if (Date.now() - asked > serverAwayMilliseconds / 2) awaySince = undefined;
      awaySince ??= Date.now();
      if (!away || Date.now() - awaySince > serverAwayMilliseconds) throw toKgentsError(error, id);
      await wait(250);
    }
  }
}

/** The status of a run whose result was not written by kgents. */
function statusWithout(error: unknown): RunState {
  if (isForeignResult(error)) return "error";
  throw error;
}

/** Creates the handle of an existing run. */
export function executionHandle(
  service: RunService,
  run: RunReference,
  { runId, firstRunId }: { readonly runId: string; readonly firstRunId: string },
  options: { attached: boolean; store: ArtifactStore | undefined },
): ExecutionHandle {
  const id = run.workflowId;
  let result: Promise<ExecutionResult> | undefined;
  const awaited = (): Promise<ExecutionResult> => {
    if (!result) {
      result = awaitResult(service, run, resultOf);
      // Followers await it later. Until then Node would exit over an unhandled rejection.
      result.catch(() => {});
    }
    return result;
  };
  const { store } = options;
  const described = () =>
    service.describe({ workflowId: id }).catch((error) => {
      throw toKgentsError(error, id);
    });
  return {
    id,
    runId,
    firstRunId,
    attached: options.attached,
    result: awaited,
    output: ({ onBehind } = {}) =>
      store
        ? followStore(store, runKey(id, firstRunId), awaited())
        : followHeartbeats(service, run, awaited(), onBehind),
    outputSoFar: async function* () {
      const open = (await described()).closeTime === undefined;
      const over = open ? undefined : await awaited().catch(() => undefined);
      yield* store ? glanceAtStore(store, runKey(id, firstRunId), over) : glanceAtHeartbeat(service, run, over);
    },
    cancel: async () => {
      await service.cancel(run).catch((error) => {
        // The run exists, so not-found means that it is closed.
        if (!isNotFound(error)) throw toKgentsError(error, id);
      });
    },
    describe: async () => {
      const description = await described();
      const open = description.status === "RUNNING";
      const phase = open ? await phaseOf(service, run) : null;
      return {
        id,
        runId: description.runId,
        status: stateOf(description) ?? (await awaited().then(({ status }) => status, statusWithout)),
        phase,
        waiting: open ? waitingOf(description) : null,
        startedAt: description.startTime,
        closedAt: description.closeTime ?? null,
      };
    },
    inspect: () => inspectRun(service, id),
  };
}

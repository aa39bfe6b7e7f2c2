import { setTimeout as wait } from "node:timers/promises";
import {
  type Client,
  isGrpcServiceError,
  ServiceError,
  type WorkflowHandle,
  WorkflowNotFoundError,
} from "@temporalio/client";
import type { Phase } from "#core/contract/names";
import type { ExecutionResult } from "#core/contract/result";
import type { ArtifactStore } from "#platform/store/artifact-store";
import { runKey, type StreamName } from "#platform/store/references";
import { tolerantClient } from "#platform/temporal/tolerant-client";
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

/** How long a Temporal server may be away while a result is waited for: a restart, a failover. The run itself goes on. */
const serverAwayMilliseconds = 120_000;

/** What is known of a run at this moment. */
export interface ExecutionDescription {
  readonly id: string;
  readonly runId: string;
  readonly status: RunState;
  /** Where it is; null where it has ended or no worker answers. */
  readonly phase: Phase | null;
  /** Set while it waits because all places are taken. */
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
  /** Temporal's id of the run's first execution: another than `runId` where the run was reset. Its output is kept under this one. */
  readonly firstRunId: string;
  /** Whether the run was there already, under the same id with the same request. */
  readonly attached: boolean;
  /**
   * Waits for the result.
   *
   * @throws KgentsError of the failure's kind, where the run could not be carried out
   */
  readonly result: () => Promise<ExecutionResult>;
  /**
   * Follows the output, live, to its end. Each stream comes complete and in order; bytes that are kept nowhere in reach
   * are said as `omitted`. Ends with the run, whatever became of it.
   */
  readonly output: (options?: { onBehind?: (stream: StreamName) => void }) => AsyncIterable<OutputEvent>;
  /**
   * The output so far, of a run that may be going on; of one that is over, all of it. Bytes that are kept nowhere in reach are
   * said as `omitted`: without the artifact store only what the newest heartbeat has can be seen of a run that goes on.
   */
  readonly outputSoFar: () => AsyncIterable<OutputEvent>;
  /** Asks to cancel; the result then says `cancelled` and has the output so far. Nothing where the run is over. */
  readonly cancel: () => Promise<void>;
  readonly describe: () => Promise<ExecutionDescription>;
  /**
   * All that is known of the run: request, phase, backend, isolation, timings, result or failure.
   *
   * @throws KgentsError `temporal-unavailable`
   */
  readonly inspect: () => Promise<RunDetails>;
}

/**
 * Waits for a workflow's result, through a restart of the server.
 *
 * @param check of what came: it may be of any shape
 * @throws KgentsError
 */
export async function awaitResult<Result>(
  handle: WorkflowHandle,
  id: string,
  check: (value: unknown, id: string) => Result,
): Promise<Result> {
  let awaySince: number | undefined;
  for (;;) {
    const asked = Date.now();
    try {
      return check(await handle.result(), id);
    } catch (error) {
      const away = error instanceof ServiceError && isGrpcServiceError(error.cause);
      // A wait that lasted was answered meanwhile: this is another outage.
      if (Date.now() - asked > serverAwayMilliseconds / 2) awaySince = undefined;
      awaySince ??= Date.now();
      if (!away || Date.now() - awaySince > serverAwayMilliseconds) throw toKgentsError(error, id);
      await wait(250);
    }
  }
}

/** The ids of a run's execution, and of the first one. */
export const executionIds = ({ runId, raw }: Awaited<ReturnType<WorkflowHandle["describe"]>>) => ({
  runId,
  firstRunId: raw.workflowExecutionInfo?.firstRunId || runId,
});

/** The status of a run whose result is not one of kgents. */
function statusWithout(error: unknown): RunState {
  if (isForeignResult(error)) return "error";
  throw error;
}

/** Makes the handle of a run that is known to exist. */
export function executionHandle(
  client: Client,
  handle: WorkflowHandle,
  { runId, firstRunId }: { readonly runId: string; readonly firstRunId: string },
  options: { attached: boolean; store: ArtifactStore | undefined },
): ExecutionHandle {
  const id = handle.workflowId;
  let result: Promise<ExecutionResult> | undefined;
  const awaited = (): Promise<ExecutionResult> => {
    if (!result) {
      result = awaitResult(handle, id, resultOf);
      // Followers get to it a moment later, and Node ends a process over a rejection that nobody awaits at that very moment.
      result.catch(() => {});
    }
    return result;
  };
  const { store } = options;
  const described = () =>
    tolerantClient(client)
      .workflow.getHandle(id)
      .describe()
      .catch((error) => {
        throw toKgentsError(error, id);
      });
  return {
    id,
    runId,
    firstRunId,
    attached: options.attached,
    result: awaited,
    output: ({ onBehind } = {}) =>
      store ? followStore(store, runKey(id, firstRunId), awaited()) : followHeartbeats(handle, awaited(), onBehind),
    outputSoFar: async function* () {
      const open = (await described()).closeTime === undefined;
      const over = open ? undefined : await awaited().catch(() => undefined);
      yield* store ? glanceAtStore(store, runKey(id, firstRunId), over) : glanceAtHeartbeat(handle, over);
    },
    cancel: async () => {
      await handle.cancel().catch((error) => {
        // The run exists; so what is not found is one that is still going on.
        if (!(error instanceof WorkflowNotFoundError)) throw toKgentsError(error, id);
      });
    },
    describe: async () => {
      const description = await described();
      const open = description.status.name === "RUNNING";
      const phase = open ? await phaseOf(client, handle) : null;
      return {
        id,
        runId: description.runId,
        status: stateOf(description) ?? (await awaited().then(({ status }) => status, statusWithout)),
        phase,
        waiting: open ? await waitingOf(client.workflow, description) : null,
        startedAt: description.startTime,
        closedAt: description.closeTime ?? null,
      };
    },
    inspect: () => inspectRun(client, handle),
  };
}

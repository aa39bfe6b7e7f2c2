/**
 * Scheduled runs, with Temporal's Schedules.
 *
 * @module
 */
import { setTimeout as wait } from "node:timers/promises";
import {
  type Client,
  ScheduleAlreadyRunning,
  type ScheduleHandle,
  ScheduleNotFoundError,
  ScheduleOverlapPolicy,
} from "@temporalio/client";
import { aboutOf, type RunAbout } from "#core/contract/about";
import { KgentsError } from "#core/contract/error";
import { aboutMemo, executeCodeWorkflow, requestHashMemo } from "#core/contract/names";
import { validateRequest } from "#core/contract/parse-request";
import type { ExecutionRequest } from "#core/contract/request";
import { requestHash } from "#core/contract/request-hash";
import { parseDuration } from "#core/text/duration";
import { detailsOf, summaryOf } from "#core/text/request-details";
import type { ArtifactStore } from "#platform/store/artifact-store";
import { toKgentsError } from "../failure.ts";
import { offloadRequest } from "../offload.ts";
import { idOf } from "../start-execution.ts";

/** What happens if a run is due while the previous one is open. */
export const overlaps = {
  /** The new run is skipped. */
  skip: ScheduleOverlapPolicy.SKIP,
  /** One run waits. */
  "buffer-one": ScheduleOverlapPolicy.BUFFER_ONE,
  /** Both run. */
  "allow-all": ScheduleOverlapPolicy.ALLOW_ALL,
  /** The previous run is cancelled, and the new one starts after its clean-up. */
  "cancel-other": ScheduleOverlapPolicy.CANCEL_OTHER,
} as const;
export type Overlap = keyof typeof overlaps;

/** When and how a schedule starts runs. */
export interface ScheduleOptions {
  /** The schedule's id; its runs have the ids `<id>-<time>`. */
  readonly id: string;
  /** Cron expressions of five fields, such as `0 6 * * 1-5`; these or `every`, or both. */
  readonly cron?: readonly string[] | undefined;
  /** The time between two runs, such as `15m`, or a number of seconds; at least 1 s. */
  readonly every?: string | number | undefined;
  /** The time zone of `cron`, such as `Europe/Berlin`. @default UTC */
  readonly timezone?: string | undefined;
  /** @default "skip" */
  readonly overlap?: Overlap | undefined;
  /** Whether it starts paused, until it is resumed in Temporal's UI. @default false */
  readonly paused?: boolean | undefined;
}

/** A schedule in the list of schedules. */
export interface ScheduleEntry extends RunAbout {
  readonly id: string;
  readonly paused: boolean;
  /** When the next run starts; null if none will. */
  readonly next: Date | null;
  /** The id of the latest run; null if there is none. */
  readonly lastRun: string | null;
}

/** The memo field with the task queue of a schedule's runs. */
const queueMemo = "kgentsTaskQueue";

const refuse = (field: string, message: string): KgentsError =>
  new KgentsError("invalid-request", `${field}: ${message}`, { field, remedy: "See `kgents schedule create --help`." });

function intervalOf(every: string | number): number {
  const milliseconds = parseDuration(every);
  if (milliseconds !== undefined && milliseconds >= 1000) return milliseconds;
  throw refuse("every", `got ${JSON.stringify(every)}; allowed is a duration of at least 1 s, such as "15m"`);
}

const noSuchSchedule = (id: string, cause: unknown): KgentsError =>
  new KgentsError("not-found", `there is no schedule ${id}`, {
    cause,
    remedy: "`kgents schedule list` lists the schedules.",
  });

/** Converts an error of a schedule operation. */
function scheduleError(error: unknown, id: string): KgentsError {
  if (error instanceof ScheduleNotFoundError) return noSuchSchedule(id, error);
  if (error instanceof ScheduleAlreadyRunning) {
    return new KgentsError("id-conflict", `id: the schedule ${id} exists already`, {
      cause: error,
      field: "id",
      remedy: "Use another id, or delete the schedule with `kgents schedule delete`.",
    });
  }
  // The SDK throws this for errors that only the server detects: a cron expression, a time zone.
  if (error instanceof TypeError) {
    return new KgentsError("invalid-request", `schedule: ${error.message}`, {
      cause: error,
      field: "schedule",
      remedy: "Correct --cron or --timezone; cron has five fields, such as `0 6 * * 1-5`.",
    });
  }
  return toKgentsError(error, id);
}

/**
 * Creates a schedule that starts runs of a request repeatedly.
 *
 * @throws KgentsError `invalid-request`, `id-conflict`
 */
export async function createSchedule(
  client: Client,
  taskQueue: string,
  store: ArtifactStore | undefined,
  request: ExecutionRequest,
  options: ScheduleOptions,
): Promise<void> {
  const { cron = [], every, timezone, overlap = "skip", paused = false } = options;
  const id = idOf(options.id, "schedule");
  if (cron.length === 0 && every === undefined)
    throw refuse("cron", "got neither cron nor every; allowed is one or both");
  const policy = overlaps[overlap];
  if (policy === undefined)
    throw refuse("overlap", `got ${JSON.stringify(overlap)}; allowed is ${Object.keys(overlaps).join(", ")}`);
  const intervals = every === undefined ? [] : [{ every: intervalOf(every) }];
  const spec = validateRequest(request);
  const about = aboutOf(request);
  const hash = await requestHash(spec);
  try {
    await client.schedule.create({
      scheduleId: id,
      spec: { cronExpressions: [...cron], intervals, ...(timezone === undefined ? {} : { timezone }) },
      action: {
        type: "startWorkflow",
        workflowType: executeCodeWorkflow,
        workflowId: id,
        taskQueue,
        args: [await offloadRequest(request, store)],
        memo: { [requestHashMemo]: hash, [aboutMemo]: about },
        staticSummary: summaryOf(spec),
        staticDetails: detailsOf(spec),
      },
      policies: { overlap: policy },
      state: { paused },
      memo: { [aboutMemo]: about, [queueMemo]: taskQueue },
    });
  } catch (error) {
    throw scheduleError(error, id);
  }
}

/**
 * Lists the schedules whose runs go to a task queue.
 *
 * @throws KgentsError `temporal-unavailable`
 */
export async function* listSchedules(client: Client, taskQueue: string): AsyncGenerator<ScheduleEntry> {
  try {
    for await (const { scheduleId: id, memo, state, info } of client.schedule.list()) {
      if (memo?.[queueMemo] !== taskQueue) continue;
      yield {
        id,
        ...aboutOf(memo?.[aboutMemo]),
        paused: state.paused,
        next: state.paused ? null : (info.nextActionTimes[0] ?? null),
        lastRun: info.recentActions.at(-1)?.action.workflow.workflowId ?? null,
      };
    }
  } catch (error) {
    throw scheduleError(error, "");
  }
}

/**
 * The handle of one of our schedules. Other schedules of the namespace (such as kgents' own sweep) count as not found.
 */
async function ownSchedule(client: Client, id: string): Promise<ScheduleHandle> {
  const handle = client.schedule.getHandle(id);
  const { memo } = await handle.describe().catch((error) => {
    throw scheduleError(error, id);
  });
  if (memo?.[queueMemo] === undefined) throw noSuchSchedule(id, undefined);
  return handle;
}

/**
 * Deletes a schedule. Runs that it has started continue.
 *
 * @throws KgentsError `not-found`
 */
export async function deleteSchedule(client: Client, id: string): Promise<void> {
  const handle = await ownSchedule(client, id);
  await handle.delete().catch((error) => {
    throw scheduleError(error, id);
  });
}

/** How long to wait for a triggered run, in milliseconds, and how often to trigger. */
const startMilliseconds = 1500;
const maximumTriggers = 4;

/** The latest runs of a schedule. */
async function recentRuns(handle: ScheduleHandle): Promise<{ workflowId: string; firstExecutionRunId: string }[]> {
  const { info } = await handle.describe();
  return info.recentActions.map(({ action }) => action.workflow);
}

/**
 * Starts a run of a schedule now, in addition to its scheduled times.
 *
 * Temporal names a schedule's runs by the second. A second start in the same second is dropped without an error. So
 * this checks for a new run, and triggers again if there is none.
 *
 * @returns the id of a run that was started since the call
 * @throws KgentsError `not-found`; `temporal-unavailable` if none is started
 */
export async function triggerSchedule(client: Client, id: string): Promise<string> {
  const handle = await ownSchedule(client, id);
  try {
    const before = new Set((await recentRuns(handle)).map(({ firstExecutionRunId }) => firstExecutionRunId));
    for (let trigger = 0; trigger < maximumTriggers; trigger += 1) {
      // A manual start runs whatever else is running.
      await handle.trigger(ScheduleOverlapPolicy.ALLOW_ALL);
      for (const deadline = Date.now() + startMilliseconds; Date.now() < deadline; await wait(50)) {
        const run = (await recentRuns(handle)).find(({ firstExecutionRunId }) => !before.has(firstExecutionRunId));
        if (run) return run.workflowId;
      }
    }
  } catch (error) {
    throw scheduleError(error, id);
  }
  throw new KgentsError("temporal-unavailable", `Temporal has started no run of the schedule ${id}`, {
    remedy: "Check the schedule in Temporal's UI; the server may be busy.",
  });
}

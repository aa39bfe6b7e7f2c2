import { setTimeout as delay } from "node:timers/promises";
import { KgentsError } from "#core/contract/error";
import { formatDuration } from "#core/text/duration";
import type { BatchHandle } from "../../sdk/batch/batch-handle.ts";
import type { ExecutionHandle } from "../../sdk/execution-handle.ts";
import { toKgentsError } from "../../sdk/failure.ts";
import type { Quartermaster } from "../../sdk/quartermaster.ts";
import { confirm, refuseWithoutTerminal } from "../terminal/confirm.ts";
import { leaveOnSignal } from "../terminal/leave-on-signal.ts";
import { printJson } from "../terminal/print.ts";
import { type Reporter, reportError } from "../terminal/reporter.ts";
import { type RunFlags, withRuns } from "./with-runs.ts";

/** Flags of `kgents cancel`. */
export interface CancelFlags extends RunFlags {
  readonly all?: true;
  readonly yes?: true;
  /** How long to wait for each, in milliseconds. */
  readonly timeout: number;
}

/** Exit code if the user declined. */
const declined = 1;

const whatEndsIt = "Pass the ids of runs, or --all.";

function checkUsage(ids: readonly string[], flags: CancelFlags): void {
  if (ids.length > 0 && flags.all) {
    throw new KgentsError("invalid-request", "--all: got ids as well; allowed is one of them", {
      field: "--all",
      remedy: whatEndsIt,
    });
  }
  if (ids.length === 0 && !flags.all) {
    throw new KgentsError("invalid-request", "id: got none; allowed are ids of runs, or --all", {
      field: "id",
      remedy: whatEndsIt,
    });
  }
}

/** A run or a batch that can be cancelled. */
interface Cancellable {
  readonly id: string;
  readonly cancel: () => Promise<void>;
  /** Cancels it and waits until it is cleaned up. Returns how it ended. */
  readonly end: () => Promise<Ending>;
}

interface Ending {
  readonly status: string;
  readonly was: "running" | "over";
}

const cancellableRun = (handle: ExecutionHandle): Cancellable => ({
  id: handle.id,
  cancel: handle.cancel,
  end: () => cancelRun(handle),
});

async function cancelBatch(batch: BatchHandle): Promise<Ending> {
  const was = (await batch.isOver()) ? "over" : "running";
  await batch.cancel();
  const { cancelled } = await batch.summary();
  return { status: cancelled ? "cancelled" : "done", was };
}

/** Finds the run with this id, or else the batch. */
async function find(quartermaster: Quartermaster, id: string): Promise<Cancellable> {
  try {
    return cancellableRun(await quartermaster.get(id));
  } catch (error) {
    const batch = await quartermaster.getBatch(id).catch(() => {
      throw error;
    });
    return { id, cancel: batch.cancel, end: () => cancelBatch(batch) };
  }
}

/** Cancels one run and waits until it is cleaned up. Returns how it ended. */
async function cancelRun(handle: ExecutionHandle): Promise<Ending> {
  const { status } = await handle.describe();
  if (status !== "running") return { status, was: "over" };
  await handle.cancel();
  try {
    return { status: (await handle.result()).status, was: "running" };
  } catch (error) {
    // The run ended some other way first. That is not a failed cancellation.
    if (toKgentsError(error, handle.id).code === "temporal-unavailable") throw error;
    return { status: (await handle.describe()).status, was: "running" };
  }
}

/**
 * Waits for an end, with a timeout. A run does not end on request if no worker serves it, or if its worker cannot read
 * it.
 */
async function within(milliseconds: number, id: string, end: Promise<Ending>): Promise<Ending> {
  const limit = new AbortController();
  try {
    const late = delay(milliseconds, undefined, { signal: limit.signal }).then(() => {
      throw new KgentsError(
        "no-worker",
        `${id} has not ended within ${formatDuration(milliseconds)}; its cancellation continues`,
        {
          remedy: `Check it with \`kgents show\` or in the UI. To end a run that no worker can read, use \`temporal workflow terminate\`.`,
        },
      );
    });
    return await Promise.race([end, late]);
  } finally {
    limit.abort();
    // After a timeout the promise is no longer awaited; its rejection must not go unhandled.
    end.catch(() => {});
  }
}

async function report({ id, end }: Cancellable, flags: CancelFlags, reporter: Reporter): Promise<number> {
  try {
    const { status, was } = await within(flags.timeout, id, end());
    if (flags.json) await printJson({ id, status, was });
    else if (was === "over") reporter.say(`${id} had already ended: ${status}`);
    else reporter.say(status === "cancelled" ? `${id} is cancelled` : `${id} ended first: ${status}`);
    return 0;
  } catch (error) {
    return reportError(error, { json: flags.json === true, id });
  }
}

async function runningIds(quartermaster: Quartermaster): Promise<string[]> {
  const ids: string[] = [];
  for await (const { id } of quartermaster.list({ status: ["running"] })) ids.push(id);
  return ids;
}

/** `kgents cancel`. */
export const cancel = (named: readonly string[], flags: CancelFlags): Promise<number> =>
  withRuns(flags, async (quartermaster, reporter) => {
    checkUsage(named, flags);
    if (flags.all) refuseWithoutTerminal(flags.yes === true, "nothing was cancelled");
    const ids = flags.all ? await runningIds(quartermaster) : [...new Set(named)];
    if (ids.length === 0) {
      reporter.say("no run is running: nothing to cancel");
      return 0;
    }
    if (flags.all && !flags.yes) {
      const question = `cancel ${ids.length === 1 ? `the run ${ids[0]}` : `all ${ids.length} runs`}?`;
      if (!(await confirm(question, new AbortController().signal))) {
        reporter.say("nothing was cancelled");
        return declined;
      }
    }
    const handles = await Promise.all(ids.map((id) => find(quartermaster, id)));
    if (!(await quartermaster.isServed())) {
      await Promise.all(handles.map((handle) => handle.cancel()));
      throw new KgentsError("no-worker", "the runs are asked to end, but no worker is there to clean up after them");
    }
    const over = leaveOnSignal("left; the cancellation goes on");
    try {
      const codes = await Promise.all(handles.map((handle) => report(handle, flags, reporter)));
      return codes.find((code) => code !== 0) ?? 0;
    } finally {
      over();
    }
  });

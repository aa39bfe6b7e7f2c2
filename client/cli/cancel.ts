import { KgentsError } from "../../core/error.ts";
import type { ExecutionHandle } from "../execution-handle.ts";
import { toKgentsError } from "../failure.ts";
import type { Quartermaster } from "../quartermaster.ts";
import { confirm, refuseWithoutTerminal } from "./confirm.ts";
import { leaveOnSignal } from "./leave-on-signal.ts";
import { reportError, type Voice } from "./voice.ts";
import { type RunFlags, withRuns } from "./with-runs.ts";

/** Flags of `kgents cancel`. */
export interface CancelFlags extends RunFlags {
  readonly all?: true;
  readonly yes?: true;
}

/** Asked, but nothing was done, because the answer was no. */
const declined = 1;

const whatEndsIt = "Give the ids of runs, or --all.";

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

/** Cancels one run and waits until it is cleaned up. Returns how it ended. */
async function cancelRun(handle: ExecutionHandle): Promise<{ status: string; was: "running" | "over" }> {
  const { status } = await handle.describe();
  if (status !== "running") return { status, was: "over" };
  await handle.cancel();
  try {
    return { status: (await handle.result()).status, was: "running" };
  } catch (error) {
    // It ended otherwise in the meantime: that is no failure of cancelling.
    if (toKgentsError(error, handle.id).code === "temporal-unavailable") throw error;
    return { status: (await handle.describe()).status, was: "running" };
  }
}

async function report(handle: ExecutionHandle, flags: CancelFlags, voice: Voice): Promise<number> {
  const { id } = handle;
  try {
    const { status, was } = await cancelRun(handle);
    if (flags.json) process.stdout.write(`${JSON.stringify({ id, status, was })}\n`);
    else if (was === "over") voice.say(`${id} was over already: ${status}`);
    else voice.say(status === "cancelled" ? `${id} is cancelled` : `${id} ended first: ${status}`);
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
  withRuns(flags, async (quartermaster, voice) => {
    checkUsage(named, flags);
    if (flags.all) refuseWithoutTerminal(flags.yes === true, "nothing was cancelled");
    const ids = flags.all ? await runningIds(quartermaster) : [...new Set(named)];
    if (ids.length === 0) {
      voice.say("no run is running: nothing to cancel");
      return 0;
    }
    if (flags.all && !flags.yes) {
      const question = `cancel ${ids.length === 1 ? `the run ${ids[0]}` : `all ${ids.length} runs`}?`;
      if (!(await confirm(question, new AbortController().signal))) {
        voice.say("nothing was cancelled");
        return declined;
      }
    }
    const handles = await Promise.all(ids.map((id) => quartermaster.get(id)));
    if (!(await quartermaster.isServed())) {
      await Promise.all(handles.map((handle) => handle.cancel()));
      throw new KgentsError("no-worker", "the runs are asked to end, but no worker is there to clean up after them");
    }
    const over = leaveOnSignal("left; the cancellation goes on");
    try {
      const codes = await Promise.all(handles.map((handle) => report(handle, flags, voice)));
      return codes.find((code) => code !== 0) ?? 0;
    } finally {
      over();
    }
  });

import { formatDuration, parseDuration } from "#core/text/duration";
import { Quartermaster } from "../../sdk/quartermaster.ts";
import type { ScheduleEntry } from "../../sdk/schedules/schedules.ts";
import { requestOf } from "../exec/exec-request.ts";
import { type RunFlags, withRuns } from "../runs/with-runs.ts";
import { print, printJson } from "../terminal/print.ts";
import { createReporter, reportError } from "../terminal/reporter.ts";
import { requesterOfCommandLine } from "../terminal/requester.ts";
import { type Column, table } from "../terminal/table.ts";
import { colour, terminalWidth } from "../terminal/terminal-text.ts";
import type { CreateFlags } from "./schedule-command.ts";

/** Formats the interval. A number without a unit means seconds, which is easily overlooked. */
function intervalInWords(every: string | undefined): string {
  const milliseconds = every === undefined ? undefined : parseDuration(every);
  return milliseconds === undefined ? "" : `: a run every ${formatDuration(milliseconds)}`;
}

/** `kgents schedule create`. */
export async function createSchedule(id: string, flags: CreateFlags): Promise<number> {
  const reporter = await createReporter(false);
  const quartermaster = new Quartermaster({
    ...(flags.config === undefined ? {} : { configurationFile: flags.config }),
    onProgress: reporter.progress,
  });
  try {
    const request = await requestOf(undefined, flags, () => quartermaster.store(), reporter);
    const { cron, every, timezone, overlap, paused } = flags;
    await quartermaster.createSchedule(
      { ...request, requester: requesterOfCommandLine() },
      { id, cron, every, timezone, overlap, paused },
    );
    reporter.settled();
    reporter.say(`created the schedule ${id}${paused ? ", paused" : ""}${intervalInWords(every)}`);
    return 0;
  } catch (error) {
    reporter.settled();
    return reportError(error, { json: false });
  } finally {
    await quartermaster.close();
  }
}

function nextText({ paused, next }: ScheduleEntry, now: number): string {
  if (paused) return "paused";
  return next ? `in ${formatDuration(Math.max(0, next.getTime() - now))}` : "never";
}

const columnsAt = (now: number): Column<ScheduleEntry>[] => [
  { title: "ID", text: ({ id }) => id, style: (text) => colour("bold", text) },
  { title: "NEXT", text: (entry) => nextText(entry, now) },
  { title: "LANGUAGE", text: ({ language }) => language, optional: 3 },
  { title: "LAST RUN", text: ({ lastRun }) => lastRun ?? "", optional: 2 },
  { title: "CODE", text: ({ title }) => title, optional: 1 },
];

/** `kgents schedule list`. */
export const listSchedules = (flags: RunFlags): Promise<number> =>
  withRuns(flags, async (quartermaster, reporter) => {
    const asTable = process.stdout.isTTY && !flags.json;
    const entries: ScheduleEntry[] = [];
    for await (const entry of quartermaster.listSchedules()) {
      entries.push(entry);
      if (!asTable) await printJson(entry);
    }
    if (!asTable) return 0;
    if (entries.length === 0) reporter.say("there are no schedules; create one with `kgents schedule create`");
    else await print(`${table(columnsAt(Date.now()), entries, terminalWidth()).join("\n")}\n`);
    return 0;
  });

/** `kgents schedule delete`. */
export const deleteSchedules = (ids: readonly string[], flags: RunFlags): Promise<number> =>
  withRuns(flags, async (quartermaster, reporter) => {
    for (const id of ids) {
      await quartermaster.deleteSchedule(id);
      reporter.say(`removed the schedule ${id}`);
    }
    return 0;
  });

/** `kgents schedule trigger`. */
export const triggerSchedule = (id: string, flags: RunFlags): Promise<number> =>
  withRuns(flags, async (quartermaster) => {
    await print(`${await quartermaster.triggerSchedule(id)}\n`);
    return 0;
  });

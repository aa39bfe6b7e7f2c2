import { type Command, Option } from "commander";
import { type ExecFlags, requestOptions } from "../exec/exec-command.ts";
import type { RunFlags } from "../runs/with-runs.ts";
import { collect } from "../terminal/collect.ts";

/** Flags of `kgents schedule create`. */
export interface CreateFlags extends ExecFlags {
  readonly cron?: string[];
  readonly every?: string;
  readonly timezone?: string;
  readonly overlap?: "skip" | "buffer-one" | "allow-all" | "cancel-other";
  readonly paused?: true;
}

/** What the commands do. */
export interface ScheduleRuns {
  readonly create: (id: string, flags: CreateFlags) => Promise<void>;
  readonly list: (flags: RunFlags) => Promise<void>;
  readonly delete: (names: string[], flags: RunFlags) => Promise<void>;
  readonly trigger: (name: string, flags: RunFlags) => Promise<void>;
}

const configuration = ["--config <file>", "the configuration file"] as const;

const examples = `
Examples:
  $ kgents schedule create nightly --cron "30 2 * * *" --timezone Europe/Berlin --file report.py
  $ kgents schedule create probe --every 5m --lang sh --code "..." --overlap cancel-other`;

/** Declares `kgents schedule`. */
export function scheduleCommand(program: Command, runs: ScheduleRuns): void {
  const schedule = program
    .command("schedule")
    .summary("run code again and again, by the clock")
    .description("Creates, lists, removes and triggers schedules: Temporal's, whose UI can also pause them.");
  requestOptions(
    schedule
      .command("create")
      .summary("start a run again and again")
      .description(
        "Creates a schedule. Each time, a run of its own is started: <id>-<time>. Starts the local stack where it does not run.",
      )
      .argument("<name>", "the schedule's id")
      .option("--cron <expression>", "when, in the five fields of cron (repeatable)", collect)
      .option("--every <duration>", "the time between two runs, such as 15m; a number alone means seconds")
      .option("--timezone <name>", "the time zone of --cron (default: UTC)")
      .addOption(
        new Option("--overlap <policy>", "when the run before it still runs (default: skip)").choices([
          ...["skip", "buffer-one", "allow-all", "cancel-other"],
        ]),
      )
      .option("--paused", "create it without starting runs yet"),
  )
    .option(...configuration)
    .addHelpText("after", examples)
    .action(runs.create);
  schedule
    .command("list")
    .summary("list schedules")
    .description("Lists the schedules whose runs go to the configured task queue.")
    .option("--json", "print each as a line of JSON")
    .option(...configuration)
    .action(runs.list);
  schedule
    .command("delete")
    .summary("remove schedules")
    .description("Removes schedules. Runs that they have started go on.")
    .argument("<names...>", "the schedules' ids")
    .option(...configuration)
    .action(runs.delete);
  schedule
    .command("trigger")
    .summary("start a run of a schedule now")
    .argument("<name>", "the schedule's id")
    .option(...configuration)
    .action(runs.trigger);
}

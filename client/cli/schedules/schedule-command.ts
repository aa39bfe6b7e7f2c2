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
    .summary("run code on a schedule")
    .description("Creates, lists, removes and triggers Temporal Schedules. Temporal's UI can also pause them.");
  requestOptions(
    schedule
      .command("create")
      .summary("create a schedule")
      .description(
        "Creates a schedule. Each time it starts a new run with the id <id>-<time>. Starts the local stack if it is not running.",
      )
      .argument("<name>", "the schedule's id")
      .option("--cron <expression>", "a cron expression with five fields (repeatable)", collect)
      .option("--every <duration>", "the time between two runs, such as 15m; a number alone means seconds")
      .option("--timezone <name>", "the time zone of --cron (default: UTC)")
      .addOption(
        new Option("--overlap <policy>", "what to do while the previous run is still open (default: skip)").choices([
          ...["skip", "buffer-one", "allow-all", "cancel-other"],
        ]),
      )
      .option("--paused", "create the schedule without starting runs yet"),
  )
    .option(...configuration)
    .addHelpText("after", examples)
    .action(runs.create);
  schedule
    .command("list")
    .summary("list schedules")
    .description("Lists the schedules that start runs on the configured task queue.")
    .option("--json", "print each as a line of JSON")
    .option(...configuration)
    .action(runs.list);
  schedule
    .command("delete")
    .summary("remove schedules")
    .description("Removes schedules. Runs that they have started continue.")
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

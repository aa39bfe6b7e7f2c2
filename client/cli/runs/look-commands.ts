import { type Command, InvalidArgumentError, Option } from "commander";
import { type RunState, runStates } from "../../sdk/runs/run-state.ts";
import { collect } from "../terminal/collect.ts";
import { alsoNamed } from "../terminal/other-name.ts";
import type { FilesFlags } from "./files.ts";
import type { LogsFlags } from "./logs.ts";
import type { OpenFlags } from "./open.ts";
import { parseSince } from "./parse-since.ts";
import type { ShowFlags } from "./show.ts";
import type { RunFlags } from "./with-runs.ts";

/** Flags of `kgents ps`. */
export interface PsFlags extends RunFlags {
  readonly all?: true;
  readonly status?: RunState[];
  readonly language?: string;
  readonly label?: string[];
  readonly since?: Date;
  readonly limit: number;
}

/** What the commands that look at runs do. */
export interface LookRuns {
  readonly ps: (flags: PsFlags) => Promise<void>;
  readonly show: (id: string, flags: ShowFlags) => Promise<void>;
  readonly logs: (id: string, flags: LogsFlags) => Promise<void>;
  readonly files: (id: string, verb: string | undefined, names: string[], flags: FilesFlags) => Promise<void>;
  readonly open: (id: string | undefined, flags: OpenFlags) => Promise<void>;
}

const states = (value: string, previous: RunState[] = []): RunState[] => {
  const state = runStates.find((known) => known === value);
  if (state) return [...previous, state];
  throw new InvalidArgumentError(`Allowed choices are ${runStates.join(", ")}.`);
};

const since = (value: string): Date => {
  const moment = parseSince(value, new Date());
  if (moment) return moment;
  throw new InvalidArgumentError(
    "Allowed is a duration, such as 90s, 5m, 1h or 7d, or a date, such as 2026-01-31T12:00Z.",
  );
};

const count = (value: string): number => {
  if (/^[1-9]\d{0,5}$/.test(value)) return Number(value);
  throw new InvalidArgumentError("Allowed is a whole number from 1 to 999999.");
};

const configuration = ["--config <file>", "the configuration file"] as const;

const examples = (...lines: string[]): string => `\nExamples:\n${lines.map((line) => `  $ ${line}`).join("\n")}`;

/** Declares the commands that look at runs. */
export function lookCommands(program: Command, runs: LookRuns): void {
  alsoNamed(program.command("ps"), "language", "lang")
    .summary("list runs")
    .description("Lists the runs of the task queue: a table on a terminal, one JSON object a line elsewhere.")
    .option("-a, --all", "also those that ended")
    .addOption(
      new Option("--status <status>", `only such runs, ended or not (repeatable): ${runStates.join(", ")}`).argParser(
        states,
      ),
    )
    .option("-l, --language <language>", "only runs of that language")
    .option("--label <key=value>", "only runs with that label (repeatable: with all of them)", collect)
    .option("--since <when>", "only runs started since then: 90s, 5m, 1h, 7d ago, or a date", since)
    .option("-n, --limit <number>", "at most so many", count, 50)
    .option("--json", "one JSON object a line, also on a terminal")
    .option(...configuration)
    .addHelpText(
      "after",
      examples(
        "kgents ps                                what runs now",
        "kgents ps --all --since 1h               what was started within the hour",
        "kgents ps --status failed --status error --language python",
        "kgents ps --all --label team=red | jq -r .id",
      ),
    )
    .action(runs.ps);
  program
    .command("show")
    .summary("show all that is known of a run")
    .description("Shows a run: request, phase, backend, isolation, how long each phase took, result or failure.")
    .argument("<id>", "the run's id")
    .option("--code", "print the run's code, and nothing else")
    .option("--json", "as JSON")
    .option(...configuration)
    .addHelpText("after", examples("kgents show exec-mhz3k1q2-4f9c2a7b10", "kgents show my-run --code >again.py"))
    .action(runs.show);
  program
    .command("logs")
    .summary("print a run's output")
    .description(
      "Prints what a run has written, byte for byte: its stdout to stdout, its stderr to stderr. Ctrl-C leaves; the run goes on.",
    )
    .argument("<id>", "the run's id")
    .option("-f, --follow", "go on until the run ends")
    .option("--stderr", "only its stderr, to stdout")
    .option(...configuration)
    .addHelpText("after", examples("kgents logs my-run", "kgents logs my-run -f", "kgents logs my-run --stderr | less"))
    .action(runs.logs);
  program
    .command("files")
    .summary("list or get the files that a run brought back")
    .description("Lists the files that a run brought back (exec's --output), or writes them below a directory.")
    .argument("<id>", "the run's id")
    .argument("[get]", "write them, instead of listing them")
    .argument("[names...]", "only these")
    .option("--output-dir <directory>", "where to put them (default: kgents-output)")
    .option("--json", "one JSON object a line, also on a terminal")
    .option(...configuration)
    .addHelpText("after", examples("kgents files my-run", "kgents files my-run get chart.png --output-dir ."))
    .action(runs.files);
  program
    .command("open")
    .summary("open Temporal's UI at a run, or at all of them")
    .description(
      "Prints the address of a run (or of all runs) in Temporal's UI, and opens it where there is a display.",
    )
    .argument("[id]", "the run's id")
    .option("--no-browser", "only print it")
    .option("--json", "as JSON")
    .option(...configuration)
    .addHelpText(
      "after",
      `${examples("kgents open", "kgents open my-run --no-browser")}\n\nKGENTS_UI_URL names the UI of a Temporal server of your own.`,
    )
    .action(runs.open);
}

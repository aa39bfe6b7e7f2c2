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

function psCommand(program: Command, action: LookRuns["ps"]): void {
  alsoNamed(program.command("ps"), "language", "lang")
    .summary("list runs")
    .description("Lists the runs of the task queue: as a table on a terminal, otherwise one JSON object per line.")
    .option("-a, --all", "also runs that have ended")
    .addOption(
      new Option(
        "--status <status>",
        `only runs with this status, open or ended (repeatable): ${runStates.join(", ")}`,
      ).argParser(states),
    )
    .option("-l, --language <language>", "only runs of this language")
    .option("--label <key=value>", "only runs with this label (repeatable: with all these labels)", collect)
    .option("--since <when>", "only runs started since this time: 90s, 5m, 1h or 7d ago, or a date", since)
    .option("-n, --limit <number>", "maximum number of runs", count, 50)
    .option("--json", "one JSON object per line, also on a terminal")
    .option(...configuration)
    .addHelpText(
      "after",
      examples(
        "kgents ps                                open runs",
        "kgents ps --all --since 1h               runs started within the last hour",
        "kgents ps --status failed --status error --language python",
        "kgents ps --all --label team=red | jq -r .id",
      ),
    )
    .action(action);
}

function showCommand(program: Command, action: LookRuns["show"]): void {
  program
    .command("show")
    .summary("show all details of a run")
    .description("Shows a run: request, phase, backend, isolation, how long each phase took, result or failure.")
    .argument("<id>", "the run's id")
    .option("--code", "print the run's code, and nothing else")
    .option("--json", "print JSON")
    .option(...configuration)
    .addHelpText("after", examples("kgents show exec-mhz3k1q2-4f9c2a7b10", "kgents show my-run --code >again.py"))
    .action(action);
}

function logsCommand(program: Command, action: LookRuns["logs"]): void {
  program
    .command("logs")
    .summary("print a run's output")
    .description(
      "Prints the output of a run byte for byte: its stdout to stdout, its stderr to stderr. Ctrl-C detaches; the run continues.",
    )
    .argument("<id>", "the run's id")
    .option("-f, --follow", "continue until the run ends")
    .option("--stderr", "print only its stderr, to stdout")
    .option(...configuration)
    .addHelpText("after", examples("kgents logs my-run", "kgents logs my-run -f", "kgents logs my-run --stderr | less"))
    .action(action);
}

function filesCommand(program: Command, action: LookRuns["files"]): void {
  program
    .command("files")
    .summary("list or get the output files of a run")
    .description("Lists the output files of a run (exec's --output), or writes them to a directory.")
    .argument("<id>", "the run's id")
    .argument("[get]", "write the files instead of listing them")
    .argument("[names...]", "only these files")
    .option("--output-dir <directory>", "the directory for output files (default: kgents-output)")
    .option("--json", "one JSON object per line, also on a terminal")
    .option(...configuration)
    .addHelpText("after", examples("kgents files my-run", "kgents files my-run get chart.png --output-dir ."))
    .action(action);
}

function openCommand(program: Command, action: LookRuns["open"]): void {
  program
    .command("open")
    .summary("open the page of a run, or of all runs, in Temporal's UI")
    .description("Prints the address of a run (or of all runs) in Temporal's UI, and opens it if there is a display.")
    .argument("[id]", "the run's id")
    .option("--no-browser", "only print the address")
    .option("--json", "print JSON")
    .option(...configuration)
    .addHelpText(
      "after",
      `${examples("kgents open", "kgents open my-run --no-browser")}\n\nKGENTS_UI_URL names the UI of a Temporal server of your own.`,
    )
    .action(action);
}

/** Declares the commands that look at runs. */
export function lookCommands(program: Command, runs: LookRuns): void {
  psCommand(program, runs.ps);
  showCommand(program, runs.show);
  logsCommand(program, runs.logs);
  filesCommand(program, runs.files);
  openCommand(program, runs.open);
}

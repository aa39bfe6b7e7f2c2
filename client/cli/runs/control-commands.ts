import { type Command, InvalidArgumentError, Option } from "commander";
import { parseDuration } from "#core/text/duration";
import { priority } from "../exec/exec-command.ts";
import { backendFlag, jobFlags, limitFlags, networkFlag, outputFlag, programFlags } from "../exec/request-flags.ts";
import { alsoNamed } from "../terminal/other-name.ts";
import type { CancelFlags } from "./cancel.ts";
import type { RerunFlags } from "./rerun.ts";
import type { RunFlags } from "./with-runs.ts";

/** What the commands that control runs do. */
export interface ControlRuns {
  readonly attach: (id: string, flags: RunFlags) => Promise<void>;
  readonly wait: (ids: string[], flags: RunFlags) => Promise<void>;
  readonly cancel: (ids: string[], flags: CancelFlags) => Promise<void>;
  readonly rerun: (id: string, flags: RerunFlags) => Promise<void>;
}

/** A bound for waiting, in milliseconds. */
function waitingTime(value: string): number {
  const milliseconds = parseDuration(value);
  if (milliseconds !== undefined && milliseconds > 0 && milliseconds <= 86_400_000) return milliseconds;
  throw new InvalidArgumentError('Allowed is a duration of at most 24 h, such as "5m".');
}

const configuration = ["--config <file>", "the configuration file"] as const;

const examples = (...lines: string[]): string => `\nExamples:\n${lines.map((line) => `  $ ${line}`).join("\n")}`;

const exitCodes =
  "\n\nExit codes are those of `kgents exec`: the code's own, 124 timed out, 130 cancelled or detached, ...";

/** Declares the commands that control runs. */
export function controlCommands(program: Command, runs: ControlRuns): void {
  program
    .command("attach")
    .summary("follow a run to its end, and exit with its exit code")
    .description(
      "Prints both streams of a run from the beginning, live, and exits like `kgents exec`. Ctrl-C detaches; the run continues.",
    )
    .argument("<id>", "the run's id")
    .option("--json", "print the result as JSON, and nothing else, on stdout")
    .option(...configuration)
    .addHelpText("after", examples("kgents attach my-run") + exitCodes)
    .action(runs.attach);
  program
    .command("wait")
    .summary("wait for runs to end")
    .description(
      "Waits until all these runs have ended. Exits like `kgents exec`; for several runs, with the first exit code that is not 0, in the order of the ids. Ctrl-C detaches; the runs continue.",
    )
    .argument("<ids...>", "the runs' ids")
    .option("--json", "print each result as a line of JSON when its run ends")
    .option(...configuration)
    .addHelpText("after", examples("kgents wait my-run", "kgents wait one two three --json") + exitCodes)
    .action(runs.wait);
  program
    .command("cancel")
    .summary("cancel runs, and wait until they are cleaned up")
    .description("Cancels runs, and waits until their code has ended and their cells are removed.")
    .argument("[ids...]", "the runs' ids")
    .option("--all", "all open runs of the task queue; asks for confirmation")
    .option("-y, --yes", "do not ask")
    .addOption(
      new Option("-t, --timeout <duration>", "how long to wait for each run to end")
        .argParser(waitingTime)
        .default(300_000, "5m"),
    )
    .option("--json", "print the outcome of each run as a line of JSON")
    .option(...configuration)
    .addHelpText("after", examples("kgents cancel my-run", "kgents cancel --all --yes"))
    .action(runs.cancel);
  rerunCommand(program, runs.rerun);
}

function rerunCommand(program: Command, run: ControlRuns["rerun"]): void {
  const command = alsoNamed(program.command("rerun"), "lang", "language")
    .summary("run the same request again")
    .description(
      "Starts the request of a run again with a new id, follows it and exits like `kgents exec`. Flags change the request: variables and labels are added, all other fields are replaced. Starts the local stack if it is not running.",
    )
    .argument("<id>", "the run's id")
    .option("-l, --lang <language>", "the language");
  programFlags(command).option("--stdin <file>", "a file as the program's standard input");
  outputFlag(command).option("--output-dir <directory>", "the directory for output files (default: kgents-output)");
  limitFlags(command, false);
  networkFlag(command).option("--no-network", "do not let the code reach public addresses");
  backendFlag(command)
    .option("--fallback", "let auto use the sandbox if no cluster is available")
    .option("--no-fallback", "do not let auto use the sandbox");
  jobFlags(command, false)
    .option("--priority <number>", "order when runs have to wait: 1 is first, 5 is last", priority)
    .option("--id <id>", "the new run's id and idempotency key")
    .option("--detach", "print the new run's id and leave it running")
    .option("--json", "print the result as JSON, and nothing else, on stdout")
    .option("-q, --quiet", "no messages on stderr, except errors")
    .option(...configuration)
    .addHelpText("after", examples("kgents rerun my-run", "kgents rerun my-run --timeout 5m --memory 1Gi"))
    .action(run);
}

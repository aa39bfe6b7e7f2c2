import { type Command, InvalidArgumentError } from "commander";
import { collect } from "../terminal/collect.ts";
import { alsoNamed } from "../terminal/other-name.ts";
import {
  backendFlag,
  jobFlags,
  limitFlags,
  networkFlag,
  outputFlag,
  packageFlags,
  programFlags,
} from "./request-flags.ts";

/** The flags of `kgents exec`, as commander reads them. */
export interface ExecFlags {
  readonly code?: string;
  readonly file?: string;
  readonly entrypoint?: string;
  readonly lang?: string;
  readonly arg?: string[];
  readonly env?: string[];
  readonly stdin?: string;
  readonly input?: string[];
  readonly with?: string[];
  readonly requirements?: string;
  readonly inlinePackages?: boolean;
  readonly output?: string[];
  readonly outputDir?: string;
  readonly timeout?: string;
  readonly startupTimeout?: string;
  readonly ttl?: string;
  readonly cpu?: string;
  readonly memory?: string;
  readonly disk?: string;
  readonly image?: string;
  readonly network?: true;
  readonly backend?: "auto" | "kubernetes" | "subprocess";
  readonly fallback: boolean;
  readonly dryRun?: true;
  readonly detach?: true;
  readonly session?: string;
  readonly create?: true;
  readonly id?: string;
  readonly priority?: number;
  readonly label?: string[];
  readonly json?: true;
  readonly quiet?: true;
  readonly config?: string;
}

/** Reads `--priority`. */
export function priority(value: string): number {
  if (/^[1-5]$/.test(value)) return Number(value);
  throw new InvalidArgumentError("Allowed is a whole number from 1 (first) to 5 (last).");
}

const examples = `
Examples:
  $ kgents exec --code "print('hello')"
  $ kgents exec --code "echo hi" --lang shell
  $ kgents exec --file script.py --arg one --arg two
  $ kgents exec --timeout 60 --cpu 200m --memory 256Mi --code "..."
  $ kgents exec --input data.csv --output 'chart*.png' --output-dir out --file plot.py
  $ kgents exec --with pandas --with 'numpy>=2' --file analyse.py
  $ kgents exec --input project/. --entrypoint main.py    the content of a folder, and the file in it to run
  $ kgents exec --dry-run --code "..."        print the Kubernetes Job, start nothing
  $ echo 'print(6 * 7)' | kgents exec         code from a pipe

Exit codes: the code's own, 128 + n if signal n ended it; 124 timed out; 137 out of memory; 153 output limit;
130 cancelled; 125 lost or could not be carried out; 2 wrong usage.

Ctrl-C cancels the run and waits for its clean-up; a second Ctrl-C exits at once.`;

/** Declares the flags that make a request. */
export function requestOptions(command: Command): Command {
  alsoNamed(command, "lang", "language")
    .option("-c, --code <code>", "the code")
    .option("-f, --file <path>", "a file with the code; its extension determines the language")
    .option("--entrypoint <name>", "the input file to run, instead of --code or --file")
    .option(
      "-l, --lang <language>",
      "python (default), sh, bash, javascript, typescript, or a language of the configuration",
    );
  programFlags(command)
    .option("--stdin <file>", "a file as the program's standard input; - for this command's standard input")
    .option("--input <path[:name]>", "a file or folder to put into the work directory (repeatable)", collect);
  packageFlags(command);
  outputFlag(command);
  limitFlags(command, true);
  networkFlag(command);
  backendFlag(command, "auto").option("--no-fallback", "fail if no cluster is available, instead of using the sandbox");
  return jobFlags(command, true);
}

/** Declares `kgents exec`. */
export function execCommand(
  program: Command,
  run: (source: string | undefined, flags: ExecFlags) => Promise<void>,
): void {
  requestOptions(
    program
      .command("exec")
      .summary("run code in a hardened, isolated, disposable cell")
      .description("Runs code in a hardened, isolated, disposable cell, and prints its output.")
      .argument("[-]", "read the code from standard input (the default if standard input is a pipe)"),
  )
    .option("--output-dir <directory>", "the directory for output files (default: kgents-output)")
    .option("--priority <number>", "order when runs have to wait: 1 is first, 5 is last (default: 3)", priority)
    .option("--session <id>", "run it in this session, which keeps files and names between calls")
    .option("--create", "with --session: create the session if there is none")
    .option("--id <id>", "the run's id and idempotency key")
    .option("--dry-run", "print the Kubernetes Job that would be created, and start nothing")
    .option("--detach", "print the run's id and leave it running")
    .option("--json", "print the result as JSON, and nothing else, on stdout")
    .option("-q, --quiet", "no messages on stderr, except errors")
    .option("--config <file>", "the configuration file")
    .addHelpText("after", examples)
    .action(run);
}

import { type Command, Option } from "commander";
import { type ExecFlags, requestOptions } from "../exec/exec-command.ts";
import { backendFlag, namedPackageFlags, networkFlag } from "../exec/request-flags.ts";
import { collect } from "../terminal/collect.ts";
import { alsoNamed } from "../terminal/other-name.ts";

/** Flags of all commands about sessions. */
export interface SessionFlags {
  readonly json?: true;
  readonly config?: string;
}

/** Flags of `kgents session create` and `kgents shell`. */
export interface CreateSessionFlags extends SessionFlags {
  readonly with?: string[];
  readonly requirements?: string;
  readonly lang?: string;
  readonly startupTimeout?: string;
  readonly cpu?: string;
  readonly memory?: string;
  readonly disk?: string;
  readonly image?: string;
  readonly network?: true;
  readonly backend?: "auto" | "kubernetes" | "subprocess";
  readonly fallback: boolean;
  readonly idleTimeout?: string;
  readonly maximumAge?: string;
  readonly restore?: "files" | "never";
  readonly label?: string[];
}

/** Flags of `kgents session ls`. */
export interface ListSessionsFlags extends SessionFlags {
  readonly all?: true;
}

/** Flags of `kgents session get`. */
export interface GetFlags extends SessionFlags {
  readonly outputDir?: string;
}

/** Flags of `kgents session run`. */
export type RunInSessionFlags = ExecFlags & { readonly isolated?: true };

/** Flags of `kgents shell`. */
export type ShellFlags = CreateSessionFlags & { readonly session?: string };

/** What the commands do. */
export interface SessionRuns {
  readonly create: (id: string | undefined, flags: CreateSessionFlags) => Promise<void>;
  readonly list: (flags: ListSessionsFlags) => Promise<void>;
  readonly run: (id: string, source: string | undefined, flags: RunInSessionFlags) => Promise<void>;
  readonly put: (id: string, paths: string[], flags: SessionFlags) => Promise<void>;
  readonly get: (id: string, patterns: string[], flags: GetFlags) => Promise<void>;
  readonly remove: (ids: string[], flags: SessionFlags) => Promise<void>;
  readonly shell: (flags: ShellFlags) => Promise<void>;
}

const configuration = ["--config <file>", "the configuration file"] as const;

const examples = `
Examples:
  $ kgents session create data --lang python --memory 1Gi
  $ kgents session put data table.csv
  $ kgents session run data --code "import csv; rows = list(csv.reader(open('table.csv'))); len(rows)"
  $ kgents session get data 'out/*.csv' --output-dir out
  $ kgents session rm data`;

/** Declares the flags that make a session. */
function sessionOptions(command: Command): Command {
  alsoNamed(command, "lang", "language")
    .option("-l, --lang <language>", "python (default), sh, bash, javascript, typescript, or one of the configuration")
    .option("--cpu <quantity>", "cpu limit of the session (default: 1)")
    .option("--memory <quantity>", "memory limit of the session (default: 512Mi)")
    .option("--disk <quantity>", "limit of the space that the session may use on disk (default: 100Mi)")
    .option("--startup-timeout <duration>", "time limit for scheduling and the image pull (default: 60)")
    .option("--idle-timeout <duration>", "pause the session after this time without calls (default: 10m)")
    .option("--maximum-age <duration>", "end the session at this age (default: 8h)")
    .addOption(
      new Option("--restore <what>", "what another cell continues with if this one is gone (default: files)").choices([
        "files",
        "never",
      ]),
    );
  namedPackageFlags(command);
  networkFlag(command);
  return backendFlag(command, "auto")
    .option("--no-fallback", "fail if no cluster is available, instead of using the sandbox")
    .option("--image <reference>", "the image on Kubernetes")
    .option("--label <key=value>", "a label (repeatable)", collect)
    .option(...configuration);
}

function fileCommands(session: Command, runs: SessionRuns): void {
  session
    .command("put")
    .summary("write files into a session")
    .description("Writes files and folders of this machine into the work directory of a session.")
    .argument("<id>", "the session's id")
    .argument("<paths...>", "a file or folder, as exec's --input: path[:name]")
    .option("--json", "print each file as a line of JSON")
    .option(...configuration)
    .action(runs.put);
  session
    .command("get")
    .summary("read files of a session")
    .description("Reads files of the work directory of a session. Without a glob, lists them.")
    .argument("<id>", "the session's id")
    .argument("[globs...]", "the files, relative to the work directory")
    .option("--output-dir <directory>", "the directory for the files (default: kgents-output)")
    .option("--json", "print each file as a line of JSON")
    .option(...configuration)
    .action(runs.get);
}

/** Declares `kgents session` and `kgents shell`. */
export function sessionCommands(program: Command, runs: SessionRuns): void {
  const session = program
    .command("session")
    .summary("keep files and names between calls")
    .description("Creates, lists, uses and ends sessions. A session keeps files, and in some languages names.")
    .addHelpText("after", examples);
  sessionOptions(
    session
      .command("create")
      .summary("create a session")
      .description("Creates a session and prints its id. Starts the local stack if it is not running.")
      .argument("[id]", "the session's id (default: a new one)"),
  )
    .option("--json", "print the session's state as JSON")
    .action(runs.create);
  session
    .command("ls")
    .summary("list sessions")
    .description("Lists the sessions of the task queue: as a table on a terminal, otherwise one JSON object per line.")
    .option("-a, --all", "also sessions that have ended")
    .option("--json", "print each as a line of JSON")
    .option(...configuration)
    .action(runs.list);
  requestOptions(
    session
      .command("run")
      .summary("run code in a session")
      .description("Runs code in a session, and prints its output and what it shows. Ctrl-C interrupts the call.")
      .argument("<id>", "the session's id")
      .argument("[-]", "read the code from standard input (the default if standard input is a pipe)"),
  )
    .option("--isolated", "run a process of its own on the session's files, without the names of earlier calls")
    .option("--output-dir <directory>", "the directory for output files and pictures (default: kgents-output)")
    .option("--json", "print the result as JSON, and nothing else, on stdout")
    .option("-q, --quiet", "no messages on stderr, except errors")
    .option(...configuration)
    .action(runs.run);
  fileCommands(session, runs);
  session
    .command("rm")
    .summary("end sessions")
    .description("Ends sessions and removes their cells. A call that runs is cancelled.")
    .argument("<ids...>", "the sessions' ids")
    .option("--json", "print each as a line of JSON")
    .option(...configuration)
    .action(runs.remove);
  sessionOptions(
    program
      .command("shell")
      .summary("type code into a session")
      .description(
        "Reads code line by line and runs it in a session. Without --session, in a new one that ends with it.",
      )
      .option("--session <id>", "an existing session, which does not end with this command"),
  ).action(runs.shell);
}

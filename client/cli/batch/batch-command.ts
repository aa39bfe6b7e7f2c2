import type { Command } from "commander";
import { priority } from "../exec/exec-command.ts";

/** Flags of `kgents batch`. */
export interface BatchFlags {
  readonly concurrency?: string;
  readonly results?: string;
  readonly id?: string;
  readonly priority?: number;
  readonly detach?: true;
  readonly quiet?: true;
  readonly config?: string;
}

/** Declares `kgents batch`. */
export function batchCommand(program: Command, run: (file: string, flags: BatchFlags) => Promise<void>): void {
  program
    .command("batch")
    .summary("run many requests, one per line of a file")
    .description(
      "Runs the requests of a file, one per line of JSON (`kgents schema request`), a few at a time. Prints each result as a line of JSON on stdout, in the order of the requests. If this command is killed, the batch continues: run it again with the same file and --id to attach to it. Ctrl-C cancels the batch. Starts the local stack if it is not running.",
    )
    .argument("<file>", "the requests; - for standard input")
    .option("-c, --concurrency <number>", "maximum number of runs at once, from 1 to 100 (default: 10)")
    .option("--results <file>", "the file for the results, instead of stdout")
    .option(
      "--priority <number>",
      "order of its runs when runs have to wait: 1 is first, 5 is last (default: 3)",
      priority,
    )
    .option("--id <id>", "the batch's id and idempotency key; its runs are <id>/1, <id>/2, ...")
    .option("--detach", "print the batch's id and leave it running")
    .option("-q, --quiet", "no messages on stderr, except errors")
    .option("--config <file>", "the configuration file")
    .addHelpText(
      "after",
      `
Examples:
  $ kgents batch requests.ndjson --concurrency 20 --results results.ndjson
  $ jq -c '{code: .}' words.json | kgents batch - --id tonight

Exit codes: 0 all succeeded, 1 some did not, 130 cancelled, 125 the batch could not be carried out, 2 wrong usage.`,
    )
    .action(run);
}

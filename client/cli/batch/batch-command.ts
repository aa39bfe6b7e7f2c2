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
    .summary("run many requests, one a line of a file")
    .description(
      "Runs the requests of a file, each a line of JSON (`kgents schema request`), a few at a time. Each result is a line of JSON on stdout, in the order of the requests. The batch goes on where this command is killed: the same file under the same --id attaches to it. Ctrl-C cancels it. Starts the local stack where it does not run.",
    )
    .argument("<file>", "the requests; - for standard input")
    .option("-c, --concurrency <number>", "how many runs at once, from 1 to 100 (default: 10)")
    .option("--results <file>", "where the results go, instead of stdout")
    .option("--priority <number>", "when its runs wait for a place: 1 is taken first, 5 last (default: 3)", priority)
    .option("--id <id>", "the batch's id, and its idempotency key; its runs are <id>/1, <id>/2, ...")
    .option("--detach", "print the batch's id and leave it running")
    .option("-q, --quiet", "no words of kgents' own on stderr, except errors")
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

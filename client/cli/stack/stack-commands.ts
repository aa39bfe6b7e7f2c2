import type { Command } from "commander";

/** Flags of `up`, `down` and `status`. */
export interface StackFlags {
  readonly json?: true;
  readonly quiet?: true;
  readonly config?: string;
}

type Run = (flags: StackFlags) => Promise<void>;

/** Declares `kgents up`. */
export function upCommand(program: Command, run: Run): void {
  program
    .command("up")
    .summary("start the local Temporal server and worker (exec does this automatically)")
    .description(
      "Starts the local stack: a Temporal server and a worker in the background. `exec` does this automatically.",
    )
    .option("-q, --quiet", "no messages, except errors")
    .option("--config <file>", "the configuration file")
    .action(run);
}

/** Declares `kgents down`. */
export function downCommand(program: Command, run: Run): void {
  program
    .command("down")
    .summary("stop the local stack; history and output are kept")
    .description("Stops the local stack. History and output are kept.")
    .option("-q, --quiet", "no messages, except errors")
    .action(run);
}

/** Declares `kgents status`. */
export function statusCommand(program: Command, run: Run): void {
  program
    .command("status")
    .summary("show the local stack, and the limits that each backend enforces")
    .description(
      "Shows the Temporal server, the worker, and the limits that each backend enforces. Exits with 0 if runs can be carried out.",
    )
    .option("--json", "print JSON")
    .option("--config <file>", "the configuration file")
    .action(run);
}

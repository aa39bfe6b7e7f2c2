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
    .summary("start the local Temporal server and worker; exec does it by itself")
    .description("Starts the local stack, a Temporal server and a worker in the background; `exec` does it by itself.")
    .option("-q, --quiet", "say nothing, except errors")
    .option("--config <file>", "the configuration file")
    .action(run);
}

/** Declares `kgents down`. */
export function downCommand(program: Command, run: Run): void {
  program
    .command("down")
    .summary("stop them; history and output are kept")
    .description("Stops the local stack. History and output are kept.")
    .option("-q, --quiet", "say nothing, except errors")
    .action(run);
}

/** Declares `kgents status`. */
export function statusCommand(program: Command, run: Run): void {
  program
    .command("status")
    .summary("show what runs, and what each backend can enforce")
    .description(
      "Shows the Temporal server, the worker, and what each backend can enforce. Exits 0 when runs can be carried out.",
    )
    .option("--json", "as JSON")
    .option("--config <file>", "the configuration file")
    .action(run);
}

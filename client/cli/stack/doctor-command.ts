import type { Command } from "commander";
import type { RunFlags } from "../runs/with-runs.ts";

const help = `
Exit codes: 0 runs can be carried out; 1 they cannot; 2 wrong usage.`;

/** Declares `kgents doctor`. */
export function doctorCommand(program: Command, run: (flags: RunFlags) => Promise<void>): void {
  program
    .command("doctor")
    .summary("check everything that a run needs, and print remedies")
    .description(
      "Checks everything that a run needs: Node, configuration, disk, Temporal, workers, search attributes, cluster, sandbox, interpreters. Prints a remedy for each check that fails. Starts and changes nothing.",
    )
    .option("--json", "print JSON")
    .option("--config <file>", "the configuration file")
    .addHelpText("after", help)
    .action(run);
}

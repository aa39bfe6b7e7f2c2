import type { Command } from "commander";
import type { RunFlags } from "../runs/with-runs.ts";

const help = `
Exit codes: 0 runs can be carried out; 1 they cannot, and what to do is said; 2 wrong usage.`;

/** Declares `kgents doctor`. */
export function doctorCommand(program: Command, run: (flags: RunFlags) => Promise<void>): void {
  program
    .command("doctor")
    .summary("check all that a run needs, and say what to do")
    .description(
      "Checks all that a run needs: Node, configuration, disk, Temporal, workers, search attributes, cluster, sandbox, interpreters. For each line that fails it says what to do. Starts and changes nothing.",
    )
    .option("--json", "as JSON")
    .option("--config <file>", "the configuration file")
    .addHelpText("after", help)
    .action(run);
}

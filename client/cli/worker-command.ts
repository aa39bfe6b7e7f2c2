import { type Command, InvalidArgumentError } from "commander";

/** Flags of `kgents worker`. */
export interface WorkerFlags {
  readonly address?: string;
  readonly namespace?: string;
  readonly taskQueue?: string;
  readonly backends?: string[];
  readonly maximumCells?: number;
  readonly metricsPort?: number;
  readonly metricsHost: string;
  readonly drain: string;
  readonly config?: string;
}

const wholeNumber =
  (minimum: number, maximum: number) =>
  (value: string): number => {
    const number = Number(value);
    if (Number.isInteger(number) && number >= minimum && number <= maximum) return number;
    throw new InvalidArgumentError(`Allowed is a whole number from ${minimum} to ${maximum}.`);
  };

/** Declares `kgents worker`. */
export function workerCommand(program: Command, run: (flags: WorkerFlags) => Promise<void>): void {
  program
    .command("worker")
    .description(
      "Runs a worker in the foreground, for the Temporal server that TEMPORAL_ADDRESS and the other standard variables or a profile name.",
    )
    .option("--address <host:port>", "Temporal's address, instead of the configured one")
    .option("--namespace <name>", "Temporal's namespace, instead of the configured one")
    .option("--task-queue <name>", "the task queue (default: kgents)")
    .option("--backends <names>", "the backends to serve, separated by commas", (value: string) => value.split(","))
    .option("--maximum-cells <number>", "how many cells may exist at once", wholeNumber(1, 10_000))
    .option("--metrics-port <port>", "serve the SDK's Prometheus metrics there", wholeNumber(1, 65_535))
    .option("--metrics-host <address>", "where the metrics listen", "127.0.0.1")
    .option("--drain <duration>", "how long running code may go on after SIGTERM", "30s")
    .option("--config <file>", "the configuration file: languages, limits, policy")
    .addHelpText(
      "after",
      "\nLimits, images and the policy come from the configuration file: see docs/configuration.md.",
    )
    .action(run);
}

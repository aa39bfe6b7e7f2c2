import { type Command, InvalidArgumentError } from "commander";
import { parseDuration } from "#core/text/duration";

/** Flags of `admin setup`. */
export interface AdminSetupFlags {
  readonly address?: string;
  readonly namespace?: string;
  /** In milliseconds. */
  readonly retention?: number;
  readonly json?: true;
  readonly config?: string;
}

const hourMilliseconds = 3_600_000;

/** The bounds are those of the configuration's `retention`. */
const retention = (value: string): number => {
  const milliseconds = parseDuration(value);
  if (milliseconds !== undefined && milliseconds >= hourMilliseconds && milliseconds <= 365 * 24 * hourMilliseconds)
    return milliseconds;
  throw new InvalidArgumentError("Allowed is a duration from 1h to 365d.");
};

/** Declares `kgents admin`. */
export function adminCommand(
  program: Command,
  runs: { readonly setup: (flags: AdminSetupFlags) => Promise<void> },
): void {
  program
    .command("admin")
    .summary("prepare a Temporal server of your own for runs")
    .description("Prepares a Temporal server of your own for runs.")
    .command("setup")
    .summary("create the namespace and the search attributes of runs, if they are missing")
    .description(
      "Creates the namespace and the search attributes of runs on the configured Temporal server, if they are missing, and waits until they can be used. Existing ones are not changed, so it is safe to run this again.",
    )
    .option("--address <host:port>", "Temporal's address, instead of the configured one")
    .option("--namespace <name>", "the namespace, instead of the configured one")
    .option(
      "--retention <duration>",
      "how long the history of runs is kept (default: the namespace's; for a new one, the configuration's)",
      retention,
    )
    .option("--json", "print what was done as JSON on stdout")
    .option("--config <file>", "the configuration file")
    .action(runs.setup);
}

import { type Command, InvalidArgumentError } from "commander";
import type { WorkerCommandFlags } from "#core/configuration/worker-flags";
import { parseDuration } from "#core/text/duration";
import { wholeNumber } from "../terminal/whole-number.ts";

const duration = (value: string): string => {
  if (parseDuration(value) !== undefined) return value;
  throw new InvalidArgumentError("Allowed is a duration, such as 30, 90s or 5m.");
};

const backendNames = (value: string): string[] => {
  const names = value.split(",");
  const known = names.every((name) => name === "kubernetes" || name === "subprocess");
  if (known && new Set(names).size === names.length) return names;
  throw new InvalidArgumentError("Allowed is kubernetes, subprocess, or both with a comma between them.");
};

const queueName = (value: string): string => {
  if (/^[\x21-\x7e]{1,200}$/.test(value)) return value;
  throw new InvalidArgumentError("Allowed are 1 to 200 printable ASCII characters without spaces.");
};

const deploymentName = (value: string): string => {
  if (/^[A-Za-z0-9][\w-]{0,99}$/.test(value)) return value;
  throw new InvalidArgumentError("Allowed are 1 to 100 letters, digits, _ and -, beginning with a letter or digit.");
};

const buildId = (value: string): string => {
  if (/^[A-Za-z0-9][\w.+-]{0,127}$/.test(value)) return value;
  throw new InvalidArgumentError("Allowed are 1 to 128 letters, digits and . _ + -, beginning with a letter or digit.");
};

/** Declares `kgents worker`. */
export function workerCommand(program: Command, run: (flags: WorkerCommandFlags) => Promise<void>): void {
  program
    .command("worker")
    .summary("run a worker in the foreground, for a Temporal server of your own")
    .description(
      "Runs a worker in the foreground, for the Temporal server that TEMPORAL_ADDRESS, the other standard variables or a profile select.",
    )
    .option("--address <host:port>", "Temporal's address, instead of the configured one")
    .option("--namespace <name>", "Temporal's namespace, instead of the configured one")
    .option("--task-queue <name>", "the task queue (default: kgents)", queueName)
    .option("--backends <names>", "the backends to serve, separated by commas", backendNames)
    .option("--maximum-cells <number>", "maximum number of sandboxes at once (default: 10)", wholeNumber(1, 1000))
    .option(
      "--metrics-port <port>",
      "serve Prometheus metrics on this port: kgents' own and the SDK's",
      wholeNumber(1, 65_535),
    )
    .option("--metrics-host <address>", "the address to serve metrics on", "127.0.0.1")
    .option("--health-port <port>", "serve probes on this port: GET /healthz and /readyz", wholeNumber(1, 65_535))
    .option("--health-host <address>", "the address to serve probes on (0.0.0.0 in a pod)", "127.0.0.1")
    .option(
      "--deployment <name>",
      "the worker deployment that this worker belongs to (with --build-id)",
      deploymentName,
    )
    .option("--build-id <id>", "the worker's version: it gets new runs if it is the current version", buildId)
    .option("--drain <duration>", "how long running code may continue after SIGTERM", duration, "30s")
    .option("--config <file>", "the configuration file: languages, limits, policy")
    .addHelpText(
      "after",
      "\nThe configuration file sets limits, images and the policy: docs/configuration.md. Fleets of workers: docs/fleet.md.",
    )
    .action(run);
}

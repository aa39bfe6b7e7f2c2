import type { Command } from "commander";
import type { OperatorCommandFlags } from "#core/configuration/operator-flags";
import { namespaceName } from "../terminal/namespace-name.ts";
import { wholeNumber } from "../terminal/whole-number.ts";

const gather = (value: string, before: readonly string[] = []): string[] => [...before, namespaceName(value)];

/** Declares `kgents operator`. */
export function operatorCommand(program: Command, run: (flags: OperatorCommandFlags) => Promise<void>): void {
  program
    .command("operator")
    .summary("keep the Agents of a cluster as their specs say, in the foreground")
    .description(
      "Makes the objects of each Agent, puts back what others change in them, and writes its status. Of several operators one leads; the others stand by. The same program runs here and in a cluster (deploy/operator).",
    )
    .option("--namespace <name>", "a namespace of Agents; may be repeated (default: kgents-agents)", gather)
    .option("--all-namespaces", "the Agents of all namespaces")
    .option("--once", "reconcile every Agent once, and end")
    .option("--context <name>", "the kubeconfig's context (default: the configured one, or else the current one)")
    .option("--metrics-port <port>", "serve Prometheus metrics on this port", wholeNumber(1, 65_535))
    .option("--metrics-host <address>", "the address to serve metrics on", "127.0.0.1")
    .option("--health-port <port>", "serve probes on this port: GET /healthz and /readyz", wholeNumber(1, 65_535))
    .option("--health-host <address>", "the address to serve probes on (0.0.0.0 in a pod)", "127.0.0.1")
    .option("--config <file>", "the configuration file")
    .addHelpText(
      "after",
      "\nThe cluster needs the Agent resource: `kgents infra crd`. Agents: docs/agents.md.\nExit codes: 0 ended by a signal, or all reconciled; 1 with --once: an Agent could not be reconciled; 2 wrong usage; 125 the command failed.",
    )
    .action(run);
}

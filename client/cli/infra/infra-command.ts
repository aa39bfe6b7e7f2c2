import type { Command } from "commander";
import { namespaceName } from "../terminal/namespace-name.ts";

/** Flags of all `infra` commands. */
export interface InfraFlags {
  readonly context?: string;
  readonly namespace?: string;
  readonly yes?: true;
  readonly json?: true;
  readonly kind?: true;
  /** The Agents' namespace, and their definition, instead of the cells' namespace. */
  readonly agents?: true;
  readonly config?: string;
}

/** What the commands do. */
export interface InfraRuns {
  readonly init: (flags: InfraFlags) => Promise<void>;
  readonly status: (flags: InfraFlags) => Promise<void>;
  readonly destroy: (flags: InfraFlags) => Promise<void>;
}

const exitCodes = `
Exit codes: 0 usable; 1 isolated runs cannot be carried out; 2 wrong usage; 125 the command failed.`;

/** Declares `kgents infra`. Returns it, for further commands below it. */
export function infraCommand(program: Command, runs: InfraRuns): Command {
  const infra = program
    .command("infra")
    .summary("prepare a Kubernetes cluster for runs and Agents, and apply Agents")
    .description(
      "Prepares a Kubernetes cluster for runs and Agents, shows its state, and removes everything again. Applies and deletes Agents.",
    );
  const subcommand = (name: string): Command =>
    infra
      .command(name)
      .option("--context <name>", "the kubeconfig's context (default: the configured one, or else the current one)")
      .option(
        "--namespace <name>",
        "the cells' namespace (default: the configured one, kgents-ephemeral)",
        namespaceName,
      )
      .option("--config <file>", "the configuration file");

  subcommand("init")
    .summary("create or upgrade the namespace, its policies, limits and permissions")
    .description(
      "Shows what it will create and where, asks for confirmation, applies it, and verifies by a canary pod (in the image of the language sh) that the cluster isolates pods. Run it again to upgrade and to verify again.",
    )
    .option("-y, --yes", "do not ask")
    .option(
      "--agents",
      "prepare the definition of Agents and their namespace (default: kgents-agents) instead of the cells' namespace",
    )
    .option("--kind", "first create a local kind cluster named kgents, unless it exists; needs Docker and kind")
    .option("--json", "print what was done as JSON on stdout")
    .addHelpText("after", exitCodes)
    .action(runs.init);
  subcommand("status")
    .summary("show the state of the cluster, and whether it is usable")
    .description(
      "Shows the namespace, its network isolation, quotas, cells, permissions and images, and the state of Temporal.",
    )
    .option("--json", "print JSON")
    .addHelpText("after", exitCodes)
    .action(runs.status);
  subcommand("destroy")
    .summary("remove what init created, and nothing else")
    .description(
      "Shows what it will remove, asks for confirmation, and removes the namespace that init created, with everything in it.",
    )
    .option("-y, --yes", "do not ask, and end running cells")
    .option(
      "--agents",
      "remove the Agents' namespace instead of the cells', and the definition of Agents if there are none left",
    )
    .action(runs.destroy);
  return infra;
}

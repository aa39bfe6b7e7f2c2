import type { Command } from "commander";

/** Flags of `infra crd`. */
export interface CrdFlags {
  readonly context?: string;
  readonly yes?: true;
  readonly json?: true;
  readonly config?: string;
}

const exitCodes = `
Exit codes: 0 the definition is there; 1 nothing was changed, because you declined; 2 wrong usage, or refused because
data would be lost; 125 the command failed.`;

/** Declares `kgents infra crd`. */
export function crdCommand(infra: Command, run: (flags: CrdFlags) => Promise<void>): void {
  infra
    .command("crd")
    .summary("install, upgrade or migrate the definition of Agents")
    .description(
      "Installs the CustomResourceDefinition agents.kgents.io, or upgrades it. Objects of other versions are rewritten. It refuses, and changes nothing, where a stored object breaks the rules of the definition, or has fields that it lacks.",
    )
    .option("--context <name>", "the kubeconfig's context (default: the configured one, or else the current one)")
    .option("-y, --yes", "do not ask, and lose the fields of stored objects for which the definition has no place")
    .option("--json", "print what was done as JSON on stdout")
    .option("--config <file>", "the configuration file")
    .addHelpText("after", exitCodes)
    .action(run);
}

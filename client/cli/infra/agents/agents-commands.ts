import { type Command, InvalidArgumentError, Option } from "commander";
import { parseDuration } from "#core/text/duration";
import type { ClusterFlags } from "./connect-agents.ts";

/** Flags that say which Agents are meant. */
export interface SpecFlags {
  readonly all?: true;
  readonly specDir?: string;
  /** The namespace of Agents that name none. */
  readonly namespace?: string;
}

/** Flags of `infra generate`. */
export interface GenerateFlags extends SpecFlags {
  readonly output?: string;
  readonly check?: true;
  readonly staged?: true;
  readonly json?: true;
}

/** Flags of `infra apply`. */
export interface ApplyFlags extends SpecFlags, ClusterFlags {
  readonly dryRun?: "client" | "server";
  readonly diff?: true;
  readonly wait?: true;
  /** In milliseconds. */
  readonly timeout?: number;
  readonly watch?: true;
  readonly prune?: true;
  readonly forceConflicts?: true;
  readonly placeholder?: true;
  /** Accepted, and changes nothing: the whole Agent is the default. */
  readonly full?: true;
  readonly json?: true;
}

/** Flags of `infra delete`. */
export interface DeleteFlags extends SpecFlags, ClusterFlags {
  /** False with `--no-wait`. */
  readonly wait?: boolean;
  readonly json?: true;
}

/** Flags of `infra hook install`. */
export interface HookFlags {
  readonly specDir?: string;
  readonly output: string;
}

/** What the commands do. */
export interface AgentRuns {
  readonly generate: (specs: readonly string[], flags: GenerateFlags) => Promise<void>;
  readonly apply: (targets: readonly string[], flags: ApplyFlags) => Promise<void>;
  readonly delete: (targets: readonly string[], flags: DeleteFlags) => Promise<void>;
  readonly installHook: (flags: HookFlags) => Promise<void>;
}

const specDirectory = [
  "--spec-dir <directory>",
  "the directory of the specs (default: spec/agents, or else spec)",
] as const;

const generateExamples = `
Examples:
  $ kgents infra generate b-gent                                        # prints the Agent
  $ kgents infra generate --all --output deploy/agents                  # writes one file for each spec
  $ kgents infra generate --all --output deploy/agents --check          # for CI: changes nothing

Exit codes: 0 done, or up to date; 1 with --check: out of date; 2 wrong usage, or a mistake in a spec.`;

function declareGenerate(infra: Command, runs: AgentRuns): void {
  infra
    .command("generate")
    .summary("write Agents as YAML, from their spec files")
    .description(
      "Writes the Agents that spec files describe as YAML for kubectl or GitOps. The same specs always give the same bytes. In the output directory only files that this command wrote are replaced, and removed once their spec is gone.",
    )
    .argument("[spec...]", "names of Agents, spec files or directories (default: all of the directory of specs)")
    .option("--all", "all specs of the directory: the default")
    .option(...specDirectory)
    .option("--namespace <name>", "the namespace of Agents whose spec names none (default: kgents-agents)")
    .option("--output <directory>", "write one file for each Agent there, instead of printing them")
    .option("--check", "write nothing, and exit with 1 where the output directory is out of date")
    .option("--staged", "with --check: read the files as they are staged in git")
    .option("--json", "print JSON on stdout")
    .addHelpText("after", generateExamples)
    .action(runs.generate);
}

function declareHook(infra: Command, runs: AgentRuns): void {
  infra
    .command("hook")
    .summary("check generated Agents before each commit")
    .description("Checks generated Agents before each commit, by a hook of git.")
    .command("install")
    .summary("install the pre-commit hook, or bring it up to date")
    .description(
      "Adds a marked block to the pre-commit hook that checks the staged specs against the staged YAML files. The rest of the hook stays as it is.",
    )
    .option(...specDirectory)
    .requiredOption("--output <directory>", "the directory of the generated files")
    .action(runs.installHook);
}

const hourMilliseconds = 3_600_000;

const timeout = (value: string): number => {
  const milliseconds = parseDuration(value);
  if (milliseconds !== undefined && milliseconds >= 1000 && milliseconds <= 24 * hourMilliseconds) return milliseconds;
  throw new InvalidArgumentError("Allowed is a duration from 1s to 24h.");
};

const dryRuns = ["client", "server"] as const;

const dryRun = (value: string): (typeof dryRuns)[number] => {
  const where = dryRuns.find((known) => known === value);
  if (where !== undefined) return where;
  throw new InvalidArgumentError("Allowed are client and server; write names of Agents before --dry-run.");
};

const withCluster = (command: Command): Command =>
  command
    .option("--context <name>", "the kubeconfig's context (default: the configured one, or else the current one)")
    .option("--namespace <name>", "the namespace of Agents that name none (default: kgents-agents)")
    .option("--config <file>", "the configuration file");

const applyExamples = `
A name stands for a spec file: b and B-gent for spec/agents/b-gent.md. Directories are read without their
subdirectories; what describes no Agent in them is skipped. - is YAML or JSON from standard input.

Examples:
  $ kgents infra apply b-gent --wait                     # until it is ready, or why not
  $ kgents infra apply --all --diff                      # what would change
  $ kgents infra apply deploy/agents/ --dry-run=server   # what the API server would say; changes nothing
  $ kgents infra apply --all --watch                     # while you edit specs

Exit codes: 0 done, or nothing to change; 1 an Agent was refused or is not ready, or with --diff: something would
change; 2 wrong usage, a mistake in a file, or with --diff: an Agent was refused; 125 the command failed; 130 Ctrl-C.`;

function declareApply(infra: Command, runs: AgentRuns): void {
  withCluster(infra.command("apply"))
    .summary("create or change Agents in the cluster")
    .description(
      "Applies Agents by server-side apply as the field manager kgents. Fields that somebody else owns are not taken over without being asked. Where no operator is live, the Agents are reconciled once from here.",
    )
    .argument("[agent...]", "names of Agents, spec files, YAML or JSON files, directories, or -")
    .option("--all", "all specs of the directory of specs")
    .option(...specDirectory)
    .addOption(
      new Option("--dry-run [where]", "write nothing: print all objects (client), or ask the API server (server)")
        .choices(dryRuns)
        .preset("client")
        .argParser(dryRun),
    )
    .addOption(new Option("--diff", "write nothing, and show what would change").conflicts("dryRun"))
    .option("--wait", "wait until the Agents are ready, and say why they are not")
    .option("--timeout <duration>", "with --wait: how long (default: 2m)", timeout)
    .addOption(
      new Option("--watch", "with --all: apply specs whenever they change").conflicts([
        "dryRun",
        "diff",
        "wait",
        "json",
      ]),
    )
    .option("--prune", "with --watch: delete Agents whose spec file is removed")
    .option("--force-conflicts", "take over fields that other field managers own")
    .addOption(new Option("--placeholder", "a pod that only sleeps, in the place of the program").conflicts("full"))
    .option("--full", "the whole Agent: the default")
    .option("--json", "print JSON on stdout")
    .addHelpText("after", applyExamples)
    .action(runs.apply);
}

function declareDelete(infra: Command, runs: AgentRuns): void {
  withCluster(infra.command("delete"))
    .summary("delete Agents, with their objects and pods")
    .description("Deletes Agents, and waits until their pods have ended.")
    .argument("[agent...]", "names of Agents in the cluster, spec files, YAML or JSON files, directories, or -")
    .option("--all", "the Agents of all specs of the directory of specs")
    .option(...specDirectory)
    .option("--no-wait", "do not wait for the pods")
    .option("--json", "print JSON on stdout")
    .addHelpText(
      "after",
      "\nExit codes: 0 deleted; 1 there was none, or something is left; 2 wrong usage; 125 the command failed; 130 Ctrl-C.",
    )
    .action(runs.delete);
}

/** Declares the commands about Agents below `kgents infra`. */
export function agentsCommands(infra: Command, runs: AgentRuns): void {
  declareApply(infra, runs);
  declareDelete(infra, runs);
  declareGenerate(infra, runs);
  declareHook(infra, runs);
}

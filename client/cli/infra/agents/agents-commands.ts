import type { Command } from "commander";

/** Flags that say which Agents are meant. */
interface SpecFlags {
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

/** Flags of `infra hook install`. */
export interface HookFlags {
  readonly specDir?: string;
  readonly output: string;
}

/** What the commands do. */
export interface AgentRuns {
  readonly generate: (specs: readonly string[], flags: GenerateFlags) => Promise<void>;
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

/** Declares the commands about Agents below `kgents infra`. */
export function agentsCommands(infra: Command, runs: AgentRuns): void {
  declareGenerate(infra, runs);
  declareHook(infra, runs);
}

import { KgentsError } from "#core/contract/error";
import { shellQuote } from "#core/text/shell-quote";
import { agentYaml } from "../../../agents/generated/agent-yaml.ts";
import {
  carryOutGenerate,
  existingFiles,
  type GeneratePlan,
  generatedFiles,
  planGenerate,
  refuseForeignFiles,
} from "../../../agents/generated/generate.ts";
import { stagedFiles } from "../../../agents/generated/staged-files.ts";
import { type LoadedAgents, loadAgents } from "../../../agents/specs/load-agents.ts";
import { complain, print, printJson } from "../../terminal/print.ts";
import { reportError } from "../../terminal/reporter.ts";
import type { GenerateFlags } from "./agents-commands.ts";
import { reportMistakes } from "./report-mistakes.ts";

/** Exit code of `--check` where the directory is not what the specs say. */
const stale = 1;

const refuse = (field: string, message: string, remedy: string): KgentsError =>
  new KgentsError("invalid-request", `${field}: ${message}`, { field, remedy });

function checkFlags(specs: readonly string[], { all, check, staged, output }: GenerateFlags): void {
  const see = "See `kgents infra generate --help`.";
  if (all && specs.length > 0) throw refuse("--all", "got names of specs, too; allowed is one of both", see);
  if (check && output === undefined) throw refuse("--check", "got no --output; it names the directory to check", see);
  if (staged && !check) throw refuse("--staged", "got no --check; only a check can read what is staged", see);
}

const sayPlan = (directory: string, { write, remove, unchanged }: GeneratePlan): void => {
  for (const name of write.keys()) complain(`${directory}/${name}: written`);
  for (const name of remove) complain(`${directory}/${name}: removed, because its spec file is gone`);
  if (unchanged.length > 0) complain(`${directory}: ${unchanged.length} unchanged`);
};

function sayStale(
  directory: string,
  { write, remove }: GeneratePlan,
  existing: ReadonlyMap<string, string>,
  { specDir }: GenerateFlags,
): void {
  for (const name of write.keys()) {
    complain(`${directory}/${name}: ${existing.has(name) ? "differs from its spec file" : "is missing"}`);
  }
  for (const name of remove) complain(`${directory}/${name}: its spec file is gone`);
  const specs = specDir === undefined ? "" : ` --spec-dir ${shellQuote(specDir)}`;
  complain(`run \`kgents infra generate${specs} --output ${shellQuote(directory)}\`, and commit the result`);
}

const saySkipped = ({ skipped }: LoadedAgents): void => {
  if (skipped.length > 0) complain(`skipped, because they describe no Agent: ${skipped.length}`);
};

interface Places {
  /** The directory that paths begin at. */
  readonly root: string | undefined;
  readonly output: string | undefined;
  /** The same directory as the user named it. */
  readonly title: string;
}

async function generateIn(specs: readonly string[], flags: GenerateFlags, places: Places): Promise<number> {
  const { root, output, title } = places;
  const json = flags.json === true;
  const all = specs.length === 0;
  const { specDir: specDirectory, namespace } = flags;
  const loaded = await loadAgents({ targets: specs, all, specDirectory, namespace, root, specsOnly: true });
  if (loaded.mistakes.length > 0) return reportMistakes(loaded.mistakes, "nothing was generated", json);
  saySkipped(loaded);
  if (output === undefined) {
    const texts = loaded.agents.map(({ agent }) => agentYaml(agent));
    if (json)
      await printJson(
        loaded.agents.map(({ agent }) => agent),
        2,
      );
    else await print(texts.join("---\n"));
    return 0;
  }
  const existing = await existingFiles(output);
  const plan = planGenerate(generatedFiles(loaded.agents, title), existing, all);
  refuseForeignFiles(title, plan);
  const isStale = plan.write.size + plan.remove.length > 0;
  if (!flags.check) await carryOutGenerate(output, plan);
  if (!flags.check) sayPlan(title, plan);
  else if (isStale) sayStale(title, plan, existing, flags);
  if (json) {
    const { write, remove, unchanged } = plan;
    await printJson(
      { stale: isStale, written: [...write.keys()], removed: remove, unchanged, skipped: loaded.skipped.length },
      2,
    );
  }
  return flags.check && isStale ? stale : 0;
}

/** `kgents infra generate`. */
export async function generate(specs: readonly string[], flags: GenerateFlags): Promise<number> {
  try {
    checkFlags(specs, flags);
    const title = (flags.output ?? "").replace(/(?<=.)\/+$/, "");
    if (!flags.staged) return await generateIn(specs, flags, { root: undefined, output: flags.output, title });
    await using staged = await stagedFiles();
    return await generateIn(specs, flags, { root: staged.directory, output: staged.path(title), title });
  } catch (error) {
    return reportError(error, { json: flags.json === true });
  }
}

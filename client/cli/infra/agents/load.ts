import { KgentsError } from "#core/contract/error";
import { type LoadedAgents, loadAgents } from "../../../agents/specs/load-agents.ts";
import { asPlaceholder } from "../../../agents/specs/placeholder.ts";
import type { Reporter } from "../../terminal/reporter.ts";
import type { SpecFlags } from "./agents-commands.ts";

/** The Agents that a command line names. @throws KgentsError if it names none, or too much */
export function loadNamed(
  targets: readonly string[],
  flags: SpecFlags & { readonly placeholder?: true },
): Promise<LoadedAgents> {
  const { all = false, specDir: specDirectory, namespace, placeholder } = flags;
  const remedy = "Name an Agent, a file, a directory or -, or pass --all for all specs.";
  if (!all && targets.length === 0) {
    throw new KgentsError("invalid-request", "agent: got nothing; allowed are names, or --all", {
      field: "agent",
      remedy,
    });
  }
  if (all && targets.length > 0) {
    throw new KgentsError("invalid-request", "--all: got names of Agents, too; allowed is one of both", {
      field: "--all",
      remedy,
    });
  }
  return loadAgents({ targets, all, specDirectory, namespace, adapt: placeholder ? asPlaceholder : undefined });
}

/** Says what was left out. @throws KgentsError if nothing is left */
export function checkLoaded({ agents, skipped }: LoadedAgents, reporter: Reporter): void {
  if (skipped.length > 0) reporter.say(`skipped, because they describe no Agent: ${skipped.length}`);
  if (agents.length > 0) return;
  throw new KgentsError("not-found", "no file describes an Agent", {
    remedy: "A spec file begins with front matter: a line `---`, the Agent's fields, and a line `---`.",
  });
}

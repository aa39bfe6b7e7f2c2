import { resolve } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { KgentsError } from "#core/contract/error";
import { canonicalJson } from "#core/contract/request-hash";
import { deleteAgent } from "../../../agents/cluster/delete.ts";
import { type LoadedAgents, specDirectoryOf } from "../../../agents/specs/load-agents.ts";
import type { WrittenAgent } from "../../../agents/specs/spec-file.ts";
import { mistakeInWords } from "../../../agents/specs/spec-mistake.ts";
import { quietChanges } from "../../../agents/specs/watch-directory.ts";
import type { ApplyFlags } from "./agents-commands.ts";
import { applyEach, type CommandContext, reconcileWithoutOperator } from "./apply-now.ts";
import type { AgentCluster } from "./connect-agents.ts";
import { titleOf } from "./format-agents.ts";
import { loadNamed } from "./load.ts";

const identityOf = ({ agent: { metadata } }: WrittenAgent): string => `${metadata.namespace}/${metadata.name}`;

/** The Agents that the watch knows, by name. */
type Known = Map<string, WrittenAgent>;

const knownOf = ({ agents }: LoadedAgents): Known => new Map(agents.map((written) => [identityOf(written), written]));

/** The Agents whose content differs from what was last applied. */
function changedOf(known: Known, { agents }: LoadedAgents): WrittenAgent[] {
  return agents.filter((written) => {
    const before = known.get(identityOf(written));
    return before === undefined || canonicalJson(before.agent) !== canonicalJson(written.agent);
  });
}

/** The Agents that no file describes any more. A file with mistakes still describes what it did before. */
function goneOf(known: Known, loaded: LoadedAgents): WrittenAgent[] {
  const described = knownOf(loaded);
  const mistaken = new Set(loaded.mistakes.map(({ file }) => file));
  return [...known.values()].filter((written) => !described.has(identityOf(written)) && !mistaken.has(written.file));
}

async function remove(
  { objects }: AgentCluster,
  { agent, file }: WrittenAgent,
  { prune }: ApplyFlags,
  { reporter }: CommandContext,
): Promise<void> {
  const title = titleOf(agent);
  if (!prune) {
    reporter.say(`${title}: ${file} no longer describes it; it stays, without --prune`);
    return;
  }
  const place = { name: agent.metadata.name, namespace: String(agent.metadata.namespace) };
  await deleteAgent(objects, place);
  reporter.say(`${title}: deleted, because ${file} no longer describes it`);
}

/** Brings the cluster in step with the files. */
async function catchUp(
  connected: AgentCluster,
  known: Known,
  flags: ApplyFlags,
  context: CommandContext,
): Promise<void> {
  const loaded = await loadNamed([], flags);
  for (const mistake of loaded.mistakes) context.reporter.say(mistakeInWords(mistake));
  // An Agent that two files describe is not applied.
  const mistaken = new Set(loaded.mistakes.map(({ file }) => file));
  const changed = changedOf(known, loaded).filter(({ file }) => !mistaken.has(file));
  const results = await applyEach(connected, changed, flags, context);
  for (const { written } of results) known.set(identityOf(written), written);
  const applied = results.flatMap(({ answer }) => (answer.kind === "applied" ? [answer.agent] : []));
  if (applied.length > 0) await reconcileWithoutOperator(connected, applied, context);
  for (const written of goneOf(known, loaded)) {
    known.delete(identityOf(written));
    await remove(connected, written, flags, context);
  }
}

/** How long a cluster that does not answer is left alone. */
const retryMilliseconds = 5000;

/** Tries again for as long as the cluster does not answer. What else goes wrong is said, and the watch goes on. */
async function catchUpOrSay(
  connected: AgentCluster,
  known: Known,
  flags: ApplyFlags,
  context: CommandContext,
): Promise<void> {
  for (;;) {
    try {
      return await catchUp(connected, known, flags, context);
    } catch (error) {
      context.signal.throwIfAborted();
      if (!(error instanceof KgentsError)) throw error;
      context.reporter.say(error.message);
      if (error.code !== "cluster-unavailable") return;
    }
    await pause(retryMilliseconds, undefined, { signal: context.signal });
  }
}

/**
 * Applies specs as their directory changes, until the signal is aborted.
 *
 * @param first what has been applied
 */
export async function watchSpecs(
  connected: AgentCluster,
  first: LoadedAgents,
  flags: ApplyFlags,
  context: CommandContext,
): Promise<never> {
  const directory = specDirectoryOf({ specDirectory: flags.specDir });
  const known = knownOf(first);
  const changes = quietChanges(resolve(directory), context.signal);
  // The watch begins with the first call: a change before it is seen by the comparison below.
  const next = changes.next();
  context.reporter.say(`watching ${directory}; Ctrl-C ends it`);
  await catchUpOrSay(connected, known, flags, context);
  await next;
  for (;;) {
    await catchUpOrSay(connected, known, flags, context);
    await changes.next();
  }
}

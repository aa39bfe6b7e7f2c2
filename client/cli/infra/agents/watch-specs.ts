import { resolve } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { KgentsError } from "#core/contract/error";
import { deleteAgent } from "../../../agents/cluster/delete.ts";
import { compareAgents, identityOf, knownAgents } from "../../../agents/specs/known-agents.ts";
import { type LoadedAgents, specDirectoryOf } from "../../../agents/specs/load-agents.ts";
import type { WrittenAgent } from "../../../agents/specs/spec-file.ts";
import { mistakeInWords } from "../../../agents/specs/spec-mistake.ts";
import { quietChanges } from "../../../agents/specs/watch-directory.ts";
import type { ApplyFlags } from "./agents-commands.ts";
import { applyEach, type CommandContext, reconcileWithoutOperator } from "./apply-now.ts";
import type { AgentCluster } from "./connect-agents.ts";
import { titleOf } from "./format-agents.ts";
import { loadNamed } from "./load.ts";

/** What was applied. It changes with each change of the files. */
type Known = Map<string, WrittenAgent>;

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
  const { changed, unchanged, gone } = compareAgents(known, loaded);
  const results = await applyEach(connected, changed, flags, context);
  const applied = results.flatMap(({ answer }) => (answer.kind === "applied" ? [answer.agent] : []));
  if (applied.length > 0) await reconcileWithoutOperator(connected, applied, context);
  for (const written of [...changed, ...unchanged]) known.set(identityOf(written), written);
  for (const written of gone) {
    await remove(connected, written, flags, context);
    known.delete(identityOf(written));
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
  const known: Known = new Map(knownAgents(first.agents));
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

/**
 * What has changed in files since they were last applied.
 *
 * @module
 */
import { canonicalJson } from "#core/contract/request-hash";
import type { LoadedAgents } from "./load-agents.ts";
import type { WrittenAgent } from "./spec-file.ts";

/** The Agents that were applied, by namespace and name. */
export type KnownAgents = ReadonlyMap<string, WrittenAgent>;

/** Namespace and name of an Agent. */
export const identityOf = ({ agent: { metadata } }: WrittenAgent): string => `${metadata.namespace}/${metadata.name}`;

/** The Agents of files, by namespace and name. */
export const knownAgents = (agents: readonly WrittenAgent[]): KnownAgents =>
  new Map(agents.map((written) => [identityOf(written), written]));

/** What differs between files and what was applied. */
export interface AgentChanges {
  /** The Agents that are new, or whose content differs. */
  readonly changed: readonly WrittenAgent[];
  /** The Agents of which only the place differs, or nothing. */
  readonly unchanged: readonly WrittenAgent[];
  /** The Agents that no file describes any more. */
  readonly gone: readonly WrittenAgent[];
}

/**
 * Compares. An Agent of a file with mistakes is not among the changed ones. None is gone as long as any file has
 * mistakes: a file may have been renamed and broken at once. An Agent is not gone either while its file is there without
 * an Agent: an editor may have emptied it and not yet written it.
 */
export function compareAgents(known: KnownAgents, { agents, skipped, mistakes }: LoadedAgents): AgentChanges {
  const described = knownAgents(agents);
  const mistaken = new Set(mistakes.map(({ file }) => file));
  const isSame = (written: WrittenAgent): boolean => {
    const before = known.get(identityOf(written));
    return before !== undefined && canonicalJson(before.agent) === canonicalJson(written.agent);
  };
  const isGone = (written: WrittenAgent): boolean =>
    !described.has(identityOf(written)) && !skipped.includes(written.file);
  const sound = agents.filter(({ file }) => !mistaken.has(file));
  return {
    changed: sound.filter((written) => !isSame(written)),
    unchanged: sound.filter(isSame),
    gone: mistakes.length > 0 ? [] : [...known.values()].filter(isGone),
  };
}

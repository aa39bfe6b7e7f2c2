import { isDeepStrictEqual } from "node:util";
import type { Agent } from "#core/agents/agent";
import { agentDefaults } from "#core/agents/agent-defaults";
import type { Rollout } from "#core/agents/rollout";

/** The fields of a spec that differ, by their first name. */
function changedFields(before: Agent["spec"] | undefined, after: Agent["spec"]): readonly string[] {
  if (before === undefined) return [];
  const names = new Set([...Object.keys(before), ...Object.keys(after)]);
  return [...names].filter((name) => !isDeepStrictEqual(Reflect.get(before, name), Reflect.get(after, name))).sort();
}

/** Who last wrote the spec. */
function lastManager({ metadata }: Agent): string | undefined {
  const writers = (metadata.managedFields ?? []).filter(({ subresource }) => subresource !== "status");
  const times = writers.map(({ time }) => Date.parse(time ?? "") || 0);
  return writers[times.indexOf(Math.max(...times))]?.manager;
}

/**
 * The rollout of an Agent's generation.
 *
 * @param before the spec of the generation before, if it is known
 */
export const rolloutOf = (agent: Agent, before: Agent["spec"] | undefined): Rollout => ({
  namespace: agent.metadata.namespace ?? "",
  name: agent.metadata.name,
  uid: agent.metadata.uid ?? "",
  generation: agent.metadata.generation ?? 0,
  image: agent.spec.image ?? agentDefaults.image,
  changes: changedFields(before, agent.spec),
  manager: lastManager(agent),
});

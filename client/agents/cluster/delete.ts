/**
 * Deletes Agents. Their objects and pods go with them: the cluster's garbage collector removes what an Agent owns.
 *
 * @module
 */
import type { ObjectPlace, Objects } from "#cells/kubernetes/api/objects";
import { resourceTypes } from "#cells/kubernetes/api/resource-types";
import type { Agent } from "#core/agents/agent";
import { closest } from "#core/text/closest";
import { clusterFailure } from "./cluster-refusal.ts";

/** An Agent in the cluster. */
export interface AgentPlace extends ObjectPlace {
  readonly namespace: string;
}

/**
 * Finds an Agent of the cluster by its name. Case does not count, and neither does an ending `-gent`.
 *
 * @returns the Agent, or the nearest name
 */
export async function findAgent(
  objects: Objects,
  name: string,
  namespace: string,
): Promise<Agent | { readonly nearest: string | undefined }> {
  const wanted = name.toLowerCase();
  try {
    const agents = await objects.list<Agent>(resourceTypes.Agent, { namespace });
    const named = (other: string): Agent | undefined => agents.find(({ metadata }) => metadata.name === other);
    const found = named(wanted) ?? named(wanted.endsWith("-gent") ? wanted.slice(0, -5) : `${wanted}-gent`);
    return (
      found ?? {
        nearest: closest(
          wanted,
          agents.map(({ metadata }) => metadata.name),
        ),
      }
    );
  } catch (error) {
    throw clusterFailure(error);
  }
}

/**
 * Deletes an Agent.
 *
 * @returns its uid; undefined if there was none
 * @throws KgentsError if the cluster does not answer or forbids it
 */
export async function deleteAgent(objects: Objects, place: AgentPlace): Promise<string | undefined> {
  try {
    const agent = await objects.get<Agent>(resourceTypes.Agent, place);
    const uid = agent?.metadata.uid;
    if (uid === undefined) return undefined;
    return (await objects.remove(resourceTypes.Agent, place, { uid })) ? uid : undefined;
  } catch (error) {
    throw clusterFailure(error);
  }
}

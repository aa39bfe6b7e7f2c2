/**
 * Writes the status of an Agent, only where it differs.
 *
 * @module
 */
import { isDeepStrictEqual } from "node:util";
import type { Objects } from "#cells/kubernetes/api/objects";
import type { AgentStatus } from "#core/agents/agent";
import { agentApiVersion, agentKind, fieldManagers } from "#core/agents/names";
import type { SeenAgent } from "../see/cluster-view.ts";
import type { AgentMemory } from "./memory.ts";

/**
 * The status that was last written. The view lags behind a write: as long as it shows the version that was there
 * before, what was written counts.
 */
export function currentStatus(agent: SeenAgent, { status: written }: AgentMemory): AgentStatus | undefined {
  if (written && written.replaced === agent.metadata?.resourceVersion) return written.status;
  return agent.status;
}

/** Writes a status. Does nothing if it is the current one. */
export async function writeStatus(
  objects: Objects,
  agent: SeenAgent,
  memory: AgentMemory,
  status: AgentStatus,
  signal: AbortSignal,
): Promise<void> {
  // As JSON: a field without a value is the same as one that is not there.
  if (isDeepStrictEqual(currentStatus(agent, memory), JSON.parse(JSON.stringify(status)))) return;
  const { name = "", namespace = "", uid = "", resourceVersion } = agent.metadata ?? {};
  await objects.apply(
    // With the uid, the status of an Agent that was deleted and created again is not touched.
    { apiVersion: agentApiVersion, kind: agentKind, metadata: { name, namespace, uid }, status },
    { fieldManager: fieldManagers.status, force: true, status: true, limits: { signal } },
  );
  memory.status = { status, replaced: resourceVersion };
}

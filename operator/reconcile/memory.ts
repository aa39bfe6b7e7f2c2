/**
 * What the operator remembers of the Agents that it reconciled. Nothing depends on it but the number of requests, and
 * the knowledge that a difference is drift: after a restart everything is compared by the API server.
 *
 * @module
 */
import type { AgentSpec, AgentStatus } from "#core/agents/agent";
import type { LiveDeployment } from "#core/agents/live-state";
import type { Reverts } from "./drift-fight.ts";

/** An object of an Agent as it was last applied. */
export interface AppliedChild {
  readonly uid: string;
  /** The hash of what was applied. */
  readonly desired: string;
  /** The hash of the object's content after that. */
  readonly live: string;
  /** The version that the view showed when the object was applied: the view does not show the result yet. */
  readonly replaced: string | undefined;
  /** When it was applied, as `Date.now()`. */
  readonly at: number;
  /** The answer to the apply, if it is a Deployment. */
  readonly deployment: LiveDeployment | undefined;
}

/** The version {@link AppliedChild.replaced} of an object whose apply the view has shown. */
export const shown = "shown";

/** The key of an object in {@link AgentMemory.children}. */
export const keyOfKind = (kind: string, name: string): string => `${kind}/${name}`;

/** The status as it was last written. */
export interface WrittenStatus {
  readonly status: AgentStatus;
  /** The version of the Agent that the view showed when the status was written. */
  readonly replaced: string | undefined;
}

/** What is remembered of one Agent. */
export interface AgentMemory {
  readonly uid: string;
  /** By kind and name. */
  readonly children: Map<string, AppliedChild>;
  readonly reverts: Map<string, Reverts>;
  status: WrittenStatus | undefined;
  /** The generation whose rollout was handed to the recorder. */
  recorded: number | undefined;
  /** The spec of that generation. */
  spec: AgentSpec | undefined;
}

/** The memory of all Agents. */
export interface Memory {
  /** The memory of an Agent; an empty one for an Agent with another uid. */
  readonly of: (key: string, uid: string) => AgentMemory;
  readonly forget: (key: string) => void;
}

/** Creates an empty memory. */
export function createMemory(): Memory {
  const agents = new Map<string, AgentMemory>();
  return {
    of: (key, uid) => {
      const known = agents.get(key);
      if (known?.uid === uid) return known;
      const empty: AgentMemory = {
        uid,
        children: new Map(),
        reverts: new Map(),
        status: undefined,
        recorded: undefined,
        spec: undefined,
      };
      agents.set(key, empty);
      return empty;
    },
    forget: (key) => void agents.delete(key),
  };
}

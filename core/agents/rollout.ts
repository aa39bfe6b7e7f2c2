/**
 * The rollout of one generation of an Agent: what the workflow `rollOutAgent` gets and returns. The operator's own work
 * does not depend on it. Without zod, because workflows must not import it.
 *
 * @module
 */
import type { InputFault } from "../contract/workflow-inputs.ts";
import { oneLine } from "../text/code-excerpt.ts";
import type { AgentMetadata } from "./agent.ts";
import type { AgentCondition, AgentStatus } from "./agent-status-schema.ts";

/** The workflow type of one rollout. */
export const rollOutAgentWorkflow = "rollOutAgent";

/** The queue of rollouts. Operators poll it: they see the Agents. */
export const rolloutTaskQueue = "kgents-rollouts";

/** A generation of an Agent that begins to be rolled out. */
export interface Rollout {
  readonly namespace: string;
  readonly name: string;
  /** Distinguishes the Agent from an earlier or later one of the same name. */
  readonly uid: string;
  readonly generation: number;
  /** The image that the generation uses. */
  readonly image: string;
  /** The fields below `spec` that the generation changes; empty for a new Agent, and if it is not known. */
  readonly changes: readonly string[];
  /** The field manager that last wrote the spec, such as `kgents`; undefined if it is not known. */
  readonly manager?: string | undefined;
}

/**
 * - `ready`: all pods are of this generation, and available.
 * - `failed`: the operator did not accept it, or it made no progress until the deadline.
 * - `superseded`: a later generation took its place before that.
 * - `deleted`: the Agent is gone.
 */
export type RolloutOutcome = "ready" | "failed" | "superseded" | "deleted";

/** How a rollout ended. */
export interface RolloutEnd {
  readonly outcome: RolloutOutcome;
  /** The reason of the condition that says so, such as `ImagePull`; null if none does. */
  readonly reason: string | null;
  readonly message: string | null;
}

/** What is read of an Agent to see how a rollout goes. */
export interface RolledAgent {
  readonly metadata: Pick<AgentMetadata, "uid" | "generation" | "deletionTimestamp">;
  readonly status?: Pick<AgentStatus, "conditions">;
}

const by = (outcome: RolloutOutcome, condition?: AgentCondition): RolloutEnd => ({
  outcome,
  reason: condition?.reason ?? null,
  message: condition?.message ?? null,
});

/** How a rollout has ended; undefined while it goes on. */
export function rolloutEnd(agent: RolledAgent | undefined, { uid, generation }: Rollout): RolloutEnd | undefined {
  if (agent === undefined || agent.metadata.uid !== uid || agent.metadata.deletionTimestamp !== undefined) {
    return by("deleted");
  }
  if ((agent.metadata.generation ?? 0) > generation) return by("superseded");
  const of = (type: string): AgentCondition | undefined =>
    agent.status?.conditions?.find((one) => one.type === type && one.observedGeneration === generation);
  const [accepted, ready, progressing] = [of("Accepted"), of("Ready"), of("Progressing")];
  if (accepted?.status === "False") return by("failed", accepted);
  if (ready?.status === "True") return by("ready", ready);
  return progressing?.reason === "ProgressDeadlineExceeded" ? by("failed", ready ?? progressing) : undefined;
}

/** The id of a rollout's workflow: one for each generation of an Agent. */
export const rolloutId = ({ namespace, name, uid, generation }: Rollout): string =>
  `agent-rollout/${namespace}/${name}/${uid.slice(0, 8)}/${generation}`;

/** The server accepts summaries of up to 400 bytes. */
const longestTitle = 200;

/** What is rolled out, in a line. */
export const rolloutTitle = ({ namespace, name, generation, image }: Rollout): string =>
  oneLine(`${namespace}/${name}, generation ${generation}: ${image}`, longestTitle);

const longestText = 512;
const mostChanges = 100;

const isText = (value: unknown): boolean => typeof value === "string" && value !== "" && value.length <= longestText;

/** Checks the input of `rollOutAgent`, because anyone with access to the namespace can start a workflow. */
export function faultInRollout(input: unknown): InputFault | undefined {
  const fields = (typeof input === "object" && input !== null ? input : {}) as Readonly<Record<string, unknown>>;
  const fault = (field: string, allowed: string): InputFault => ({
    field,
    message: `${field}: got ${JSON.stringify(fields[field])?.slice(0, 100) ?? "nothing"}; allowed is ${allowed}`,
  });
  const text = ["namespace", "name", "uid", "image"].find((field) => !isText(fields[field]));
  if (text !== undefined) return fault(text, `text of 1 to ${longestText} characters`);
  const { generation, changes, manager } = fields;
  if (!Number.isSafeInteger(generation) || (generation as number) < 0) return fault("generation", "a whole number");
  if (!Array.isArray(changes) || changes.length > mostChanges || !changes.every(isText)) {
    return fault("changes", `at most ${mostChanges} names of fields`);
  }
  return manager === undefined || manager === null || isText(manager) ? undefined : fault("manager", "text");
}

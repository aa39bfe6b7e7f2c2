/**
 * Brings the cluster to what one Agent asks for, and its status to what the cluster says.
 *
 * @module
 */
import { ClusterError } from "#cells/kubernetes/api/cluster-error";
import type { Objects } from "#cells/kubernetes/api/objects";
import { type Agent, type AgentStatus, parseAgent } from "#core/agents/agent";
import {
  type Acceptance,
  accepted,
  agentStatus,
  invalidAgentStatus,
  type Observation,
} from "#core/agents/agent-status";
import type { LiveDeployment } from "#core/agents/live-state";
import type { EventRecorder } from "../report/event-recorder.ts";
import type { RolloutRecorder } from "../report/rollout-recorder.ts";
import type { ClusterView, SeenAgent } from "../see/cluster-view.ts";
import { acceptanceOf, refusedAcceptance } from "./acceptance.ts";
import { driftEvents, transitionEvents } from "./agent-events.ts";
import { recallApplied, withAppliedHash } from "./applied-hash.ts";
import { applyChildren, type ChildReport } from "./apply-children.ts";
import { type AgentMemory, keyOfKind, type Memory } from "./memory.ts";
import { rolloutOf } from "./rollouts.ts";
import { currentStatus, writeStatus } from "./write-status.ts";

/** What a reconcile did:
 * - `gone`: there is no such Agent
 * - `leaving`: the Agent is being deleted
 * - `unchanged`, `applied`: its objects were as they should be, or were changed
 * - `reverted`: somebody else had changed them
 * - `refused`: the Agent is not accepted
 */
export type ReconcileOutcome = "gone" | "leaving" | "unchanged" | "applied" | "reverted" | "refused";

/** The end of a reconcile. */
export interface Reconciled {
  readonly outcome: ReconcileOutcome;
  /** Milliseconds until the Agent should be looked at again, if nothing changes before. */
  readonly again?: number | undefined;
  /** The status that the Agent has now. */
  readonly status?: AgentStatus | undefined;
}

/** What a reconcile needs. */
export interface ReconcileContext {
  readonly objects: Objects;
  readonly view: ClusterView;
  readonly memory: Memory;
  readonly events: Pick<EventRecorder, "record">;
  readonly rollouts?: Pick<RolloutRecorder, "begin"> | undefined;
  /** Whether Agents may run in a namespace. */
  readonly isolation: (namespace: string) => Promise<Acceptance>;
}

/** After this time, what somebody else must change is looked at again: a taken name, an isolation, a quota. */
const refusedMilliseconds = 15_000;
/** For this long after an apply, the Deployment's controller is awaited before a status is written. */
const settleMilliseconds = 300;

/** The Deployment as the view shows it, or as the last apply answered, whichever is later. */
function deploymentOf(view: ClusterView, key: string, memory: AgentMemory, name: string): LiveDeployment | undefined {
  const seen = view
    .children(key)
    .find((child) => child.kind === "Deployment" && child.name === name && child.ownerUid === memory.uid);
  const applied = memory.children.get(keyOfKind("Deployment", name));
  if (!applied?.deployment) return seen?.deployment;
  const generation = seen?.deployment?.metadata?.generation ?? 0;
  const isLater = seen?.uid === applied.uid && generation >= (applied.deployment.metadata?.generation ?? 0);
  return isLater ? seen?.deployment : applied.deployment;
}

/** Whether the Deployment was just changed, and its controller has not looked at it yet. */
function isSettling({ children }: AgentMemory, name: string, deployment: LiveDeployment | undefined): boolean {
  const { at = 0 } = children.get(keyOfKind("Deployment", name)) ?? {};
  const observed = deployment?.status?.observedGeneration ?? 0;
  return Date.now() - at < settleMilliseconds && observed < (deployment?.metadata?.generation ?? 0);
}

interface Applied {
  readonly acceptance: Acceptance;
  readonly reports: readonly ChildReport[];
}

/** Applies the objects of an Agent, if it may run where it is. */
async function applyAll(
  agent: Agent,
  key: string,
  context: ReconcileContext,
  memory: AgentMemory,
  signal: AbortSignal,
) {
  const { objects, view, isolation } = context;
  const isolated = await isolation(agent.metadata.namespace ?? "");
  if (isolated.reason !== "Accepted") return { acceptance: isolated, reports: [] } satisfies Applied;
  try {
    const reports = await applyChildren(agent, { objects, memory, seen: view.children(key), signal });
    return { acceptance: acceptanceOf(reports), reports } satisfies Applied;
  } catch (error) {
    const acceptance = refusedAcceptance(error);
    if (acceptance) return { acceptance, reports: [] } satisfies Applied;
    throw error;
  }
}

/** Tells the recorder of a generation that the operator has not worked on before. */
function recordRollout(agent: Agent, memory: AgentMemory, { rollouts }: ReconcileContext): void {
  const { generation } = agent.metadata;
  if (memory.recorded !== generation && agent.status?.observedGeneration !== generation) {
    rollouts?.begin(rolloutOf(agent, memory.spec));
  }
  memory.recorded = generation;
  memory.spec = agent.spec;
}

const outcomeOf = ({ acceptance, reports }: Applied): ReconcileOutcome => {
  if (acceptance.reason !== "Accepted") return "refused";
  if (reports.some(({ outcome }) => outcome.kind === "reverted")) return "reverted";
  return reports.some(({ outcome }) => outcome.kind === "applied") ? "applied" : "unchanged";
};

/** The earliest time at which something must be looked at again. */
function againAfter({ acceptance, reports }: Applied): number | undefined {
  const times = reports.flatMap(({ outcome }) =>
    "again" in outcome && outcome.again !== undefined ? [outcome.again] : [],
  );
  if (acceptance.reason !== "Accepted") times.push(refusedMilliseconds);
  return times.length === 0 ? undefined : Math.min(...times);
}

/** The parts of an Agent's metadata that the API server always sets. */
const placeOf = ({ metadata }: SeenAgent) => ({
  namespace: metadata?.namespace ?? "",
  name: metadata?.name ?? "",
  uid: metadata?.uid ?? "",
});

type Live = Omit<Observation, "acceptance">;

/** The status of an Agent that keeps the rules. */
function statusOf(agent: Agent, { acceptance }: Applied, live: Live, memory: AgentMemory): AgentStatus {
  const status = agentStatus(agent, { ...live, acceptance });
  return acceptance.reason === "Accepted" ? withAppliedHash(agent, status, memory) : status;
}

const issuesInWords = (issues: readonly { readonly field: string; readonly message: string }[]): string =>
  issues.map(({ field, message }) => `${field}: ${message}`).join("; ");

const isGone = (error: unknown): boolean =>
  error instanceof ClusterError && (error.status === 404 || error.status === 409);

/**
 * Reconciles one Agent.
 *
 * @param key of the Agent
 * @param signal aborted when this process may not write any more
 * @throws ClusterError if the API server does not answer, or refuses for a reason that is not the Agent's
 */
export async function reconcile(key: string, context: ReconcileContext, signal: AbortSignal): Promise<Reconciled> {
  const { objects, view, events } = context;
  const seen = view.agent(key);
  if (seen === undefined) {
    context.memory.forget(key);
    return { outcome: "gone" };
  }
  const place = placeOf(seen);
  const memory = context.memory.of(key, place.uid);
  const parsed = parseAgent({ ...seen, status: currentStatus(seen, memory) });
  const isLeaving = seen.metadata?.deletionTimestamp !== undefined;
  let applied: Applied = { acceptance: accepted, reports: [] };
  if (parsed.agent && !isLeaving) {
    recordRollout(parsed.agent, memory, context);
    recallApplied(parsed.agent, memory, view.children(key));
    applied = await applyAll(parsed.agent, key, context, memory, signal);
    for (const event of driftEvents(applied.reports)) events.record(place, event);
  }
  const deployment = deploymentOf(view, key, memory, place.name);
  if (parsed.agent && isSettling(memory, place.name, deployment)) {
    return { outcome: outcomeOf(applied), again: settleMilliseconds };
  }
  const before = currentStatus(seen, memory);
  const live: Live = { deployment, pods: view.pods(key), now: new Date() };
  const status = parsed.agent
    ? statusOf(parsed.agent, applied, live, memory)
    : invalidAgentStatus(
        { metadata: { ...seen.metadata, name: place.name }, ...(before && { status: before }) },
        issuesInWords(parsed.issues),
        live,
      );
  try {
    await writeStatus(objects, seen, memory, status, signal);
  } catch (error) {
    if (!isLeaving || !isGone(error)) throw error;
  }
  for (const event of transitionEvents(before, status)) events.record(place, event);
  if (isLeaving) return { outcome: "leaving", status };
  return { outcome: parsed.agent ? outcomeOf(applied) : "refused", again: againAfter(applied), status };
}

/**
 * The status of an Agent: a pure function of the Agent, its live Deployment and its pods.
 *
 * The Deployment alone decides whether the Agent is ready. Its pods only say why it is not.
 *
 * @module
 */
import type { Agent, AgentMetadata } from "./agent.ts";
import { agentDefaults } from "./agent-defaults.ts";
import type { AcceptedReason, AgentCondition, AgentPhase, AgentStatus, ReadyReason } from "./agent-status-schema.ts";
import { selectorOf, supportName } from "./child-objects.ts";
import { endpointOf, specHashOf } from "./children.ts";
import { type NextCondition, setConditions } from "./condition.ts";
import type { LiveDeployment, LivePod } from "./live-state.ts";
import { type Trouble, troubleOf } from "./pod-trouble.ts";

/** Whether the operator works on an Agent, and why not. */
export interface Acceptance {
  readonly reason: AcceptedReason;
  readonly message: string;
}

/** An Agent whose objects may be applied. */
export const accepted: Acceptance = { reason: "Accepted", message: "the spec is applied" };

/** What the status of an Agent follows from. */
export interface Observation {
  readonly acceptance: Acceptance;
  /** As the last apply answered, or later. Undefined if there is none, or it is not this Agent's. */
  readonly deployment: LiveDeployment | undefined;
  /** The Agent's pods, those that are ending included. */
  readonly pods: readonly LivePod[];
  readonly now: Date;
}

/** The object that an observation is about: an Agent, or one that cannot be read as such. */
type Subject = Pick<Agent, "metadata" | "status"> & { readonly spec?: Agent["spec"] };

const count = (value: number | undefined): number => value ?? 0;

const deploymentCondition = ({ status }: LiveDeployment, type: string) =>
  status?.conditions?.find((condition) => condition.type === type);

const isObserved = ({ metadata, status }: LiveDeployment): boolean =>
  count(status?.observedGeneration) >= count(metadata?.generation);

const hasExceededDeadline = (deployment: LiveDeployment): boolean =>
  isObserved(deployment) && deploymentCondition(deployment, "Progressing")?.reason === "ProgressDeadlineExceeded";

/** Whether the rollout of the current pod template has ended well at some time. */
const hasRolledOut = (deployment: LiveDeployment): boolean =>
  isObserved(deployment) && deploymentCondition(deployment, "Progressing")?.reason === "NewReplicaSetAvailable";

/** Pods that the API server refuses are visible only in a condition, which the Deployment copies from its ReplicaSet. */
function refusedPods(deployment: LiveDeployment): Trouble | undefined {
  const failure = deploymentCondition(deployment, "ReplicaFailure");
  if (failure?.status !== "True") return undefined;
  const { message = "" } = failure;
  if (/exceeded quota|failed quota/.test(message)) return { reason: "QuotaExceeded", message };
  const isRefused = /is forbidden|denied|is invalid|violates|admission/i.test(message);
  return { reason: isRefused ? "AdmissionDenied" : "ReplicasUnavailable", message };
}

/** What `kubectl rollout status` asks: undefined when all replicas are updated and available. */
function missingReplicas(deployment: LiveDeployment): string | undefined {
  const { spec, status } = deployment;
  if (!isObserved(deployment)) return "the Deployment's change is not seen yet";
  const wanted = spec?.replicas ?? 1;
  const updated = count(status?.updatedReplicas);
  if (updated < wanted) return `${updated} of ${wanted} pods are of the current spec`;
  const old = count(status?.replicas) - updated;
  if (old > 0) return `${old} ${old === 1 ? "pod" : "pods"} of an earlier spec or number must end`;
  const available = count(status?.availableReplicas);
  return available < updated ? `${available} of ${updated} pods are available` : undefined;
}

function unreadiness({ deployment, pods }: Observation): Trouble | undefined {
  if (deployment === undefined) return { reason: "Progressing", message: "there is no Deployment yet" };
  const missing = missingReplicas(deployment);
  if (missing === undefined) return undefined;
  const known = troubleOf(pods) ?? refusedPods(deployment);
  if (known) return known;
  if (hasExceededDeadline(deployment)) {
    const message = `${missing} after ${agentDefaults.progressDeadlineSeconds} s without progress`;
    return { reason: "ProgressDeadlineExceeded", message };
  }
  return { reason: hasRolledOut(deployment) ? "ReplicasUnavailable" : "Progressing", message: missing };
}

function readiness({ spec }: Subject): Trouble {
  if (spec?.replicas === 0) return { reason: "ScaledToZero", message: "no pods are wanted" };
  if (spec?.placeholder) return { reason: "Placeholder", message: "a sleeping pod stands in for the program" };
  return { reason: "Available", message: "all pods are of the current spec, and available" };
}

/** Ready, with its reason. */
function ready(subject: Subject, observation: Observation): Trouble & { readonly status: "True" | "False" } {
  const { acceptance } = observation;
  if (acceptance.reason !== "Accepted") {
    const message = `not accepted (${acceptance.reason}): ${acceptance.message}`;
    return { status: "False", reason: "NotAccepted", message };
  }
  const trouble = unreadiness(observation);
  return trouble ? { status: "False", ...trouble } : { status: "True", ...readiness(subject) };
}

function progressing(isReady: boolean, { acceptance, deployment }: Observation): Omit<NextCondition, "type"> {
  if (acceptance.reason !== "Accepted") {
    return { status: "False", reason: "NotAccepted", message: "an earlier spec stays in force" };
  }
  if (isReady) return { status: "False", reason: "Complete", message: "the current spec is rolled out" };
  if (deployment && hasExceededDeadline(deployment)) {
    const message = `no progress for ${agentDefaults.progressDeadlineSeconds} s; nothing is rolled back`;
    return { status: "False", reason: "ProgressDeadlineExceeded", message };
  }
  if (deployment && hasRolledOut(deployment)) {
    return { status: "False", reason: "Complete", message: "the current spec was rolled out before" };
  }
  return { status: "True", reason: "RollingOut", message: "the current spec is being rolled out" };
}

/** Not named by a component as a reason why it cannot go on. */
const benign: readonly ReadyReason[] = ["Progressing", "ReplicasUnavailable"];

function phaseOf(metadata: AgentMetadata, reason: ReadyReason, available: number): AgentPhase {
  if (metadata.deletionTimestamp !== undefined) return "Terminating";
  if (reason === "Placeholder") return "Placeholder";
  if (reason === "Available" || reason === "ScaledToZero") return "Running";
  if (reason === "Progressing" && available > 0) return "Running";
  if (available > 0) return "Degraded";
  return benign.includes(reason) ? "Pending" : "Failed";
}

const describedBy = (agent: Agent): Partial<AgentStatus> => {
  const endpoint = endpointOf(agent);
  return {
    image: agent.spec.image ?? agentDefaults.image,
    serviceAccount: supportName(agent),
    specHash: specHashOf(agent),
    ...(endpoint !== undefined && { endpoint }),
  };
};

/** What an earlier generation was applied with stays true as long as a later one is not accepted. */
const describedBefore = ({ image, serviceAccount, specHash, endpoint }: AgentStatus = {}): Partial<AgentStatus> => ({
  ...(image !== undefined && { image }),
  ...(serviceAccount !== undefined && { serviceAccount }),
  ...(specHash !== undefined && { specHash }),
  ...(endpoint !== undefined && { endpoint }),
});

function statusOf(subject: Subject, described: Partial<AgentStatus>, observation: Observation): AgentStatus {
  const { metadata, status: before } = subject;
  const { deployment, acceptance, now } = observation;
  const observedGeneration = metadata.generation ?? 0;
  const { status, reason, message } = ready(subject, observation);
  const isAccepted = acceptance.reason === "Accepted";
  const conditions: readonly NextCondition[] = [
    { type: "Accepted", status: isAccepted ? "True" : "False", ...acceptance, observedGeneration },
    { type: "Ready", status, reason, message, observedGeneration },
    { type: "Progressing", ...progressing(status === "True", observation), observedGeneration },
  ];
  const selector = Object.entries(selectorOf(subject)).map((pair) => pair.join("="));
  return {
    observedGeneration,
    phase: phaseOf(metadata, reason, count(deployment?.status?.availableReplicas)),
    replicas: count(deployment?.status?.replicas),
    updatedReplicas: count(deployment?.status?.updatedReplicas),
    readyReplicas: count(deployment?.status?.readyReplicas),
    selector: selector.join(","),
    ...described,
    conditions: setConditions(before?.conditions ?? [], conditions, now),
  };
}

/** The status of an Agent. Equal to the one before if nothing has changed but the time. */
export const agentStatus = (agent: Agent, observation: Observation): AgentStatus =>
  statusOf(
    agent,
    observation.acceptance.reason === "Accepted" ? describedBy(agent) : describedBefore(agent.status),
    observation,
  );

/** The status of an object that breaks the rules for Agents where the API server cannot see it. */
export const invalidAgentStatus = (
  object: Pick<Agent, "metadata" | "status">,
  message: string,
  live: Omit<Observation, "acceptance">,
): AgentStatus =>
  statusOf(object, describedBefore(object.status), { ...live, acceptance: { reason: "InvalidConfig", message } });

/** One of an Agent's conditions. */
export const conditionOf = (
  status: Pick<AgentStatus, "conditions"> | undefined,
  type: "Accepted" | "Ready" | "Progressing",
): AgentCondition | undefined => status?.conditions?.find((condition) => condition.type === type);

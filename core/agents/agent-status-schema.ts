/**
 * The schema of an Agent's `status`, which the operator writes.
 *
 * @module
 */
import { z } from "zod";

/** Why an Agent is accepted, or not. */
export const acceptedReasons = ["Accepted", "InvalidConfig", "NameConflict", "NetworkNotIsolated"] as const;
export type AcceptedReason = (typeof acceptedReasons)[number];

/** Why an Agent is ready, or not. */
export const readyReasons = [
  "Available",
  "Placeholder",
  "ScaledToZero",
  "Progressing",
  "ReplicasUnavailable",
  "ImagePull",
  "CrashLoop",
  "ConfigError",
  "Unschedulable",
  "QuotaExceeded",
  "AdmissionDenied",
  "ProgressDeadlineExceeded",
  "NotAccepted",
] as const;
export type ReadyReason = (typeof readyReasons)[number];

/** Phases are for people: programs read conditions. */
export const agentPhases = ["Pending", "Running", "Failed", "Terminating", "Degraded", "Placeholder"] as const;
export type AgentPhase = (typeof agentPhases)[number];

const count = () => z.int().min(0);

const condition = z.object({
  type: z.string().max(316).describe("Accepted, Ready or Progressing"),
  status: z.enum(["True", "False", "Unknown"]).describe("whether it holds"),
  reason: z.string().min(1).max(1024).describe("why, in one word"),
  message: z.string().max(32_768).describe("why, for people"),
  lastTransitionTime: z.iso.datetime().describe("when `status` last changed"),
  observedGeneration: count().optional().describe("the generation that it is about"),
});

/** The schema of an Agent's status. Unknown fields are left alone. */
export const agentStatusSchema = z.object({
  observedGeneration: count().optional().describe("the generation that the operator last worked on"),
  phase: z.enum(agentPhases).optional().describe("a summary for people; programs read conditions"),
  replicas: count().optional().describe("pods that exist"),
  updatedReplicas: count().optional().describe("pods of the current spec"),
  readyReplicas: count().optional().describe("pods that are ready"),
  selector: z.string().max(4096).optional().describe("the label selector of the pods, for autoscalers"),
  image: z.string().max(4096).optional().describe("the image that is used"),
  endpoint: z.string().max(4096).optional().describe("host and port of the Service; none for a placeholder"),
  serviceAccount: z.string().max(253).optional().describe("the pods' service account"),
  specHash: z.string().max(128).optional().describe("a hash of what was applied"),
  conditions: z
    .array(condition)
    .max(16)
    .meta({ "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"] })
    .optional()
    .describe("the state in detail"),
});

/** One condition of an Agent. */
export type AgentCondition = Readonly<z.output<typeof condition>>;

/** An Agent's status. */
export type AgentStatus = Readonly<z.output<typeof agentStatusSchema>>;

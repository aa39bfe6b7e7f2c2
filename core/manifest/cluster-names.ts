/**
 * The labels and annotations that kgents puts on objects of a cluster. The manifests in deploy/ use the same names.
 *
 * @module
 */

/** The kgents instance that owns a cell: a hash of the Temporal cluster's id and its namespace. */
export const instanceLabel = "kgents.io/instance";
/** The cell's id, on its Job and its pods. */
export const cellLabel = "kgents.io/cell";
/** The label that enables the network of a cell if it is `true`. */
export const networkLabel = "kgents.io/network";
/** The language of a cell's programs. */
export const languageLabel = "kgents.io/language";
/** The kind of agent that an object belongs to: `q-gent` on cells. */
export const agentLabel = "kgents.io/agent";
/** The kind of Job: `ephemeral` on cells. */
export const jobTypeLabel = "kgents.io/job-type";
/** The SHA-256 of the code of a run, on its Job. */
export const codeHashAnnotation = "kgents.io/code-hash";
/** When a Job was rendered: ISO 8601. */
export const createdAtAnnotation = "kgents.io/created-at";
/** A hash of a Job's spec, for people and for workers of earlier versions. */
export const specHashAnnotation = "kgents.io/spec-hash";
/** The workflow id of the run that a Job belongs to. */
export const workflowIdAnnotation = "kgents.io/workflow-id";
/** Temporal's run id of that run. */
export const runIdAnnotation = "kgents.io/run-id";

/** Whether NetworkPolicies are enforced in the cells' namespace, as the canary of `kgents infra init` found. */
export const networkIsolationAnnotation = "kgents.io/network-isolation";
/** When the canary ran: ISO 8601. */
export const networkIsolationCheckedAnnotation = "kgents.io/network-isolation-checked-at";
/** Why network isolation is not `enforced`, in a sentence. */
export const networkIsolationReasonAnnotation = "kgents.io/network-isolation-reason";

/**
 * The {@link CanaryTarget}s that the canary was denied, separated by commas. If absent: the targets of version 0.1.0.
 */
export const networkIsolationTriedAnnotation = "kgents.io/network-isolation-tried";

/**
 * Annotations of the cells' namespace with what the admission policy permits cells beside the usual, as names that are
 * separated by commas. Without them it permits none.
 */
export const allowedAnnotations = {
  priorityClasses: "kgents.io/allowed-priority-classes",
  pullSecrets: "kgents.io/allowed-pull-secrets",
  resources: "kgents.io/allowed-resources",
} as const;

/** The label of the canary's objects, with the canary's id. The command removes them before it ends. */
export const canaryLabel = "kgents.io/canary";
/** The role of a pod of the canary. */
export const canaryRoleLabel = "kgents.io/canary-role";

/** The standard label for the application that an object is a part of: `kgents`. */
export const partOfLabel = "app.kubernetes.io/part-of";
/** The standard label for the managing tool: `kgents` on all objects that kgents creates in a cluster. */
export const managedByLabel = "app.kubernetes.io/managed-by";
/** The value of {@link partOfLabel} and {@link managedByLabel} on objects of kgents. */
export const managedByKgents = "kgents";

/**
 * The targets of the canary. A target counts as denied only if a pod with an open network reached it and no pod with a
 * closed network did.
 *
 * - `api-server`: its service, by TCP.
 * - `pod`, `pod-ipv6`: another pod of the canary, by TCP.
 * - `node`: the kubelet's port on the address of the pod's own node, by TCP.
 * - `dns`: a lookup at the cluster's DNS by UDP.
 * - `metadata`: the cloud metadata service at 169.254.169.254, by TCP.
 */
export const canaryTargets = ["api-server", "pod", "pod-ipv6", "node", "dns", "metadata"] as const;
export type CanaryTarget = (typeof canaryTargets)[number];

/** The targets of version 0.1.0, which did not set the annotation. */
const firstTargets: readonly CanaryTarget[] = ["api-server", "pod"];

/** Reads {@link networkIsolationTriedAnnotation}. Unknown targets are ignored. */
export const readCanaryTargets = (annotation: string | undefined): readonly CanaryTarget[] =>
  annotation === undefined
    ? firstTargets
    : canaryTargets.filter((target) => annotation.split(",").some((word) => word.trim() === target));

const targetWords: Readonly<Record<CanaryTarget, string>> = {
  "api-server": "the API server",
  pod: "another pod",
  "pod-ipv6": "another pod by IPv6",
  node: "its own node",
  dns: "DNS by UDP",
  metadata: "the metadata service",
};

/** Formats targets for display. */
export const canaryTargetsInWords = (targets: readonly CanaryTarget[]): string =>
  targets.map((target) => targetWords[target]).join(", ");

/**
 * - `enforced`: targets that are reachable without a policy were not reachable under it.
 * - `not-enforced`: they were reachable under the policy.
 * - `unknown`: they were not reachable without a policy either, so nothing is proved.
 */
export type NetworkIsolation = "enforced" | "not-enforced" | "unknown";

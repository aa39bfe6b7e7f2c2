/**
 * The labels and annotations that kgents puts on objects of a cluster. The same words stand in deploy/.
 *
 * @module
 */

/** The owner of a cell: a hash of the Temporal cluster's id and its namespace. */
export const instanceLabel = "kgents.io/instance";
/** The cell's id: what its Job and its pods have in common. */
export const cellLabel = "kgents.io/cell";
/** The label that opens the network for a cell, where it says `true`. */
export const networkLabel = "kgents.io/network";
/** The run that a Job belongs to. */
export const workflowIdAnnotation = "kgents.io/workflow-id";
/** The execution of that run. */
export const runIdAnnotation = "kgents.io/run-id";

/** Whether NetworkPolicies are enforced in the cells' namespace, as the canary of `kgents infra init` found. */
export const networkIsolationAnnotation = "kgents.io/network-isolation";
/** When the canary looked: ISO 8601. */
export const networkIsolationCheckedAnnotation = "kgents.io/network-isolation-checked-at";
/** Why it is not `enforced`, in a sentence. */
export const networkIsolationReasonAnnotation = "kgents.io/network-isolation-reason";

/** What the canary was denied: words of {@link CanaryTarget}, separated by commas. Without it: those that 0.1.0 tried. */
export const networkIsolationTriedAnnotation = "kgents.io/network-isolation-tried";

/** The label of what the canary makes, with the canary's own id; nothing of it outlives the command. */
export const canaryLabel = "kgents.io/canary";
/** What each of its pods is for. */
export const canaryRoleLabel = "kgents.io/canary-role";

/** Whose object it is: `kgents` on all that kgents makes in a cluster. */
export const managedByLabel = "app.kubernetes.io/managed-by";
/** The value of {@link managedByLabel} on objects of ours. */
export const managedByKgents = "kgents";

/**
 * What the canary tries to reach. Each was reached by a pod with an open network, and by none with a closed one, or nothing is said of it.
 *
 * - `api-server`: its service, by TCP.
 * - `pod`, `pod-ipv6`: a pod beside it, by TCP.
 * - `node`: the kubelet's port on the address of the pod's own node, by TCP.
 * - `dns`: a name, asked of the cluster's DNS by UDP.
 * - `metadata`: the metadata service of clouds at 169.254.169.254, by TCP.
 */
export const canaryTargets = ["api-server", "pod", "pod-ipv6", "node", "dns", "metadata"] as const;
export type CanaryTarget = (typeof canaryTargets)[number];

/** What the canary of 0.1.0 tried, which did not say so. */
const firstTargets: readonly CanaryTarget[] = ["api-server", "pod"];

/** Reads {@link networkIsolationTriedAnnotation}. What is not known is left out. */
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

/** Targets as a person reads them. */
export const canaryTargetsInWords = (targets: readonly CanaryTarget[]): string =>
  targets.map((target) => targetWords[target]).join(", ");

/**
 * - `enforced`: what could be reached without a policy could not be reached under it.
 * - `not-enforced`: it could be reached all the same.
 * - `unknown`: it could not be reached in the first place, so that nothing is proved.
 */
export type NetworkIsolation = "enforced" | "not-enforced" | "unknown";

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

/** The label of what the canary makes, with the canary's own id; nothing of it outlives the command. */
export const canaryLabel = "kgents.io/canary";
/** What each of its pods is for. */
export const canaryRoleLabel = "kgents.io/canary-role";

/** Whose object it is: `kgents` on all that kgents makes in a cluster. */
export const managedByLabel = "app.kubernetes.io/managed-by";
/** The value of {@link managedByLabel} on objects of ours. */
export const managedByKgents = "kgents";

/**
 * - `enforced`: what could be reached without a policy could not be reached under it.
 * - `not-enforced`: it could be reached all the same.
 * - `unknown`: it could not be reached in the first place, so that nothing is proved.
 */
export type NetworkIsolation = "enforced" | "not-enforced" | "unknown";

/**
 * Names of the Agent resource that its users, its operator and its manifests share.
 *
 * @module
 */

/** The API group of the Agent resource. */
export const agentGroup = "kgents.io";
/** The one version of the Agent resource. */
export const agentVersion = "v1";
/** `apiVersion` of an Agent. */
export const agentApiVersion = `${agentGroup}/${agentVersion}` as const;
/** `kind` of an Agent. */
export const agentKind = "Agent";
/** The resource's name in paths of the API: `/apis/kgents.io/v1/namespaces/<namespace>/agents`. */
export const agentPlural = "agents";
/** The name of the CustomResourceDefinition. */
export const agentCrdName = `${agentPlural}.${agentGroup}` as const;

/** The namespace of Agents, unless another one is named. Never the namespace of cells: workers may exec into its pods. */
export const agentNamespace = "kgents-agents";

/** The label of an Agent's pods and of all objects that belong to it: the Agent's name. */
export const agentLabel = "kgents.io/agent";
/** The label of the same objects with the Agent's genus. */
export const genusLabel = "kgents.io/genus";
/** Selects all objects that belong to Agents, and their pods. Cells have the first label, too, but no genus. */
export const childSelector = `${agentLabel},${genusLabel}`;
/**
 * The label of a pod that may connect to Agents of a genus. Each pod has one for each entry of
 * `networkPolicy.allowedPeers`, with the value `true`.
 */
export const peerLabel = (genus: string): string => `kgents.io/peer-${genus}`;

/** The annotation of the pod template with a hash of the ConfigMap: a change of it rolls the pods. */
export const configHashAnnotation = "kgents.io/config-hash";
/** The annotation of a placeholder's objects. */
export const placeholderAnnotation = "kgents.io/placeholder";
/** The annotation of each rendered object with the version of the rendering: see {@link renderVersion}. */
export const renderVersionAnnotation = "kgents.io/render-version";
/** The annotation of an Agent with the hash of the spec file that it was generated from. */
export const specHashAnnotation = "kgents.io/spec-hash";

/**
 * Increases whenever {@link renderChildren} renders the same Agent differently. An operator of an older release leaves
 * alone what a newer one has applied.
 */
export const renderVersion = 1;

/** The field managers of server-side apply. */
export const fieldManagers = {
  /** What people and pipelines apply by `kgents infra apply`. */
  user: "kgents",
  /** The objects that the operator makes. */
  operator: "kgents-operator",
  /** The status that the operator writes. */
  status: "kgents-operator-status",
} as const;

/** The name of the operator's Lease, its ServiceAccount and its Role. */
export const operatorName = "kgents-operator";

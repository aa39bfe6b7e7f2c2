/**
 * What all objects of an Agent have in common: names, labels, the owner.
 *
 * @module
 */
import { managedByKgents, managedByLabel } from "../manifest/cluster-names.ts";
import type { OwnerReference } from "../manifest/object-metadata.ts";
import type { Agent } from "./agent.ts";
import {
  agentApiVersion,
  agentKind,
  agentLabel,
  agentNamespace,
  genusLabel,
  placeholderAnnotation,
  renderVersion,
  renderVersionAnnotation,
} from "./names.ts";

/** The kinds of objects that an Agent consists of, in the order in which they are applied. */
export const childKinds = [
  { apiVersion: "v1", kind: "ServiceAccount", plural: "serviceaccounts" },
  { apiVersion: "v1", kind: "ConfigMap", plural: "configmaps" },
  { apiVersion: "networking.k8s.io/v1", kind: "NetworkPolicy", plural: "networkpolicies" },
  { apiVersion: "v1", kind: "Service", plural: "services" },
  { apiVersion: "apps/v1", kind: "Deployment", plural: "deployments" },
] as const;

/** The kind of an object of an Agent. */
export type ChildKind = (typeof childKinds)[number]["kind"];

/** Says that an object belongs to an Agent and goes with it. */
type AgentReference = OwnerReference & { readonly controller: true; readonly blockOwnerDeletion: true };

/** The metadata of an object of an Agent. */
export interface ChildMetadata {
  readonly name: string;
  readonly namespace: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  /** Absent as long as the Agent has no uid: in a dry run. */
  readonly ownerReferences?: readonly [AgentReference];
}

/** An object of an Agent. */
export interface ChildObject {
  readonly apiVersion: string;
  readonly kind: ChildKind;
  readonly metadata: ChildMetadata;
}

/** The namespace of an Agent. */
export const namespaceOf = ({ metadata }: Agent): string => metadata.namespace ?? agentNamespace;

/** The name of an Agent's ServiceAccount, ConfigMap and NetworkPolicy. */
export const supportName = ({ metadata }: Agent): string => `agent-${metadata.name}`;

/** An Agent, or an object of that kind whose spec cannot be read. */
type Selectable = Pick<Agent, "metadata"> & { readonly spec?: Pick<Agent["spec"], "genus"> };

/**
 * The labels that select the pods of an Agent. Without the genus, those of an Agent `q-gent` would select cells, too:
 * see {@link childSelector}.
 */
export const selectorOf = ({ metadata, spec }: Selectable): Readonly<Record<string, string>> => ({
  [agentLabel]: metadata.name,
  ...(spec && { [genusLabel]: spec.genus }),
});

/** The labels of all objects of an Agent, its pods included. */
export const labelsOf = (agent: Agent): Readonly<Record<string, string>> => ({
  "app.kubernetes.io/part-of": "kgents",
  [managedByLabel]: managedByKgents,
  [agentLabel]: agent.metadata.name,
  [genusLabel]: agent.spec.genus,
});

const ownerOf = ({ metadata: { name, uid } }: Agent): readonly [AgentReference] | undefined =>
  uid === undefined
    ? undefined
    : [{ apiVersion: agentApiVersion, kind: agentKind, name, uid, controller: true, blockOwnerDeletion: true }];

/** The metadata of one object. */
export function metadataOf(agent: Agent, name: string): ChildMetadata {
  const metadata: ChildMetadata = {
    name,
    namespace: namespaceOf(agent),
    labels: labelsOf(agent),
    annotations: {
      [renderVersionAnnotation]: String(renderVersion),
      ...(agent.spec.placeholder && { [placeholderAnnotation]: "true" }),
    },
  };
  const ownerReferences = ownerOf(agent);
  return ownerReferences === undefined ? metadata : { ...metadata, ownerReferences };
}

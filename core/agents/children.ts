/**
 * The objects that an Agent consists of. The operator, a dry run and the tests render them with the same function.
 *
 * @module
 */
import { canonicalJson } from "../contract/request-hash.ts";
import { fnv1a64 } from "../text/fnv.ts";
import type { Agent, AgentSpec } from "./agent.ts";
import { agentDefaults } from "./agent-defaults.ts";
import { type AgentPodSpec, agentPod } from "./agent-pod.ts";
import { type ChildObject, labelsOf, metadataOf, namespaceOf, selectorOf, supportName } from "./child-objects.ts";
import { configHashAnnotation } from "./names.ts";
import { type NetworkPolicyObject, networkPolicyOf, peerLabels } from "./peers.ts";

export { type ChildKind, type ChildObject, childKinds } from "./child-objects.ts";

/** A ServiceAccount. */
export interface ServiceAccountObject extends ChildObject {
  readonly automountServiceAccountToken: false;
}

/** A ConfigMap. */
export interface ConfigMapObject extends ChildObject {
  readonly data: Readonly<Record<string, string>>;
}

/** A Service. */
export interface ServiceObject extends ChildObject {
  readonly spec: {
    readonly type: "ClusterIP";
    readonly selector: Readonly<Record<string, string>>;
    readonly ports: readonly object[];
  };
}

/** A Deployment. */
export interface DeploymentObject extends ChildObject {
  readonly spec: {
    readonly replicas: number;
    readonly revisionHistoryLimit: number;
    readonly minReadySeconds: number;
    readonly progressDeadlineSeconds: number;
    readonly strategy: object;
    readonly selector: { readonly matchLabels: Readonly<Record<string, string>> };
    readonly template: {
      readonly metadata: {
        readonly labels: Readonly<Record<string, string>>;
        readonly annotations: Readonly<Record<string, string>>;
      };
      readonly spec: AgentPodSpec;
    };
  };
}

/** An object of an Agent, with its content. */
export type AgentChild =
  | ServiceAccountObject
  | ConfigMapObject
  | NetworkPolicyObject
  | ServiceObject
  | DeploymentObject;

const serviceAccountOf = (agent: Agent): ServiceAccountObject => ({
  apiVersion: "v1",
  kind: "ServiceAccount",
  metadata: metadataOf(agent, supportName(agent)),
  automountServiceAccountToken: false,
});

const filesOf = ({ config = {}, instructions }: AgentSpec): Readonly<Record<string, string>> => ({
  "config.json": `${JSON.stringify(JSON.parse(canonicalJson(config)), null, 2)}\n`,
  ...(instructions !== undefined && { "spec.md": instructions }),
});

const configMapOf = (agent: Agent): ConfigMapObject => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: metadataOf(agent, supportName(agent)),
  data: filesOf(agent.spec),
});

const serviceOf = (agent: Agent): ServiceObject => ({
  apiVersion: "v1",
  kind: "Service",
  metadata: metadataOf(agent, agent.metadata.name),
  spec: {
    type: "ClusterIP",
    selector: selectorOf(agent),
    ports: [{ name: "agent", protocol: "TCP", port: agent.spec.port, targetPort: agent.spec.port }],
  },
});

/** All fields are set, so that the operator owns them, and can remove them again. */
const strategyOf = ({ updateStrategy }: AgentSpec) =>
  updateStrategy === "Recreate"
    ? { type: "Recreate" }
    : // The old pods serve until a new one is ready.
      { type: "RollingUpdate", rollingUpdate: { maxUnavailable: 0, maxSurge: 1 } };

const deploymentOf = (agent: Agent): DeploymentObject => ({
  apiVersion: "apps/v1",
  kind: "Deployment",
  metadata: metadataOf(agent, agent.metadata.name),
  spec: {
    replicas: agent.spec.replicas,
    revisionHistoryLimit: agentDefaults.revisions,
    // Without a probe a program counts as ready as soon as it runs, also if it is about to fail.
    minReadySeconds: agent.spec.probe ? 0 : agentDefaults.minimumReadySeconds,
    progressDeadlineSeconds: agentDefaults.progressDeadlineSeconds,
    strategy: strategyOf(agent.spec),
    // Nothing else: the selector of a Deployment can never be changed.
    selector: { matchLabels: selectorOf(agent) },
    template: {
      metadata: {
        labels: { ...labelsOf(agent), ...peerLabels(agent) },
        annotations: { [configHashAnnotation]: fnv1a64(canonicalJson(filesOf(agent.spec))) },
      },
      spec: agentPod(agent),
    },
  },
});

/**
 * Renders the objects of an Agent, in the order in which they are applied. Pure: the same Agent gives the same objects.
 *
 * Objects that an earlier generation had and this one lacks are not in the list: a placeholder has no Service.
 */
export const renderChildren = (agent: Agent): readonly AgentChild[] => [
  serviceAccountOf(agent),
  configMapOf(agent),
  networkPolicyOf(agent),
  ...(agent.spec.placeholder ? [] : [serviceOf(agent)]),
  deploymentOf(agent),
];

/** Host and port of an Agent's Service; undefined for a placeholder. */
export const endpointOf = (agent: Agent): string | undefined =>
  agent.spec.placeholder ? undefined : `${agent.metadata.name}.${namespaceOf(agent)}.svc:${agent.spec.port}`;

/** A hash of an Agent's spec with the stored defaults. */
export const specHashOf = ({ spec }: Agent): string => fnv1a64(canonicalJson(spec));

import type { KubernetesJson } from "#cells/kubernetes/api/kubernetes-json";
import { agentLabel } from "#core/agents/names";

/** The key of an Agent: namespace and name, as kubectl writes them. */
export const agentKey = (namespace: string, name: string): string => `${namespace}/${name}`;

/** The key of an Agent object. */
export const keyOfAgent = ({ metadata }: KubernetesJson): string =>
  agentKey(metadata?.namespace ?? "", metadata?.name ?? "");

/** The key of the Agent that an object is labelled with. */
export const keyOfChild = ({ metadata }: KubernetesJson): string =>
  agentKey(metadata?.namespace ?? "", metadata?.labels?.[agentLabel] ?? "");

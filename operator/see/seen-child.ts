import type { KubernetesJson } from "#cells/kubernetes/api/kubernetes-json";
import type { LiveDeployment } from "#core/agents/live-state";
import { renderVersionAnnotation } from "#core/agents/names";
import { contentHash } from "./live-content.ts";

/** An object that belongs to an Agent, trimmed to what the operator compares. */
export interface SeenChild {
  readonly kind: string;
  readonly name: string;
  readonly uid: string;
  readonly resourceVersion: string;
  /** The uid of its controller. */
  readonly ownerUid: string | undefined;
  readonly isLeaving: boolean;
  /** Of its content, without status: see {@link contentHash}. */
  readonly hash: string;
  /** The version of the rendering that was applied. */
  readonly renderVersion: number;
  /** What the status of the Agent follows from; only of a Deployment. */
  readonly deployment: LiveDeployment | undefined;
}

/** The controller of an object. */
export const controllerOf = ({ metadata }: KubernetesJson) =>
  metadata?.ownerReferences?.find(({ controller }) => controller === true);

/** The version of the rendering of an object; 0 if it has none. */
export const renderVersionOf = ({ metadata }: KubernetesJson): number =>
  Number(metadata?.annotations?.[renderVersionAnnotation] ?? 0) || 0;

/** The part of a Deployment that is kept. */
function toLiveDeployment(object: KubernetesJson & LiveDeployment): LiveDeployment {
  const { metadata, spec, status } = object;
  return {
    metadata: { ...(metadata?.generation !== undefined && { generation: metadata.generation }) },
    ...(spec?.replicas !== undefined && { spec: { replicas: spec.replicas } }),
    ...(status !== undefined && { status }),
  };
}

/** Trims an object. */
export function toSeenChild(kind: string, object: KubernetesJson): SeenChild {
  const { metadata } = object;
  return {
    kind,
    name: metadata?.name ?? "",
    uid: metadata?.uid ?? "",
    resourceVersion: metadata?.resourceVersion ?? "",
    ownerUid: controllerOf(object)?.uid,
    isLeaving: metadata?.deletionTimestamp !== undefined,
    hash: contentHash(object),
    renderVersion: renderVersionOf(object),
    deployment: kind === "Deployment" ? toLiveDeployment(object) : undefined,
  };
}

/**
 * The kinds that {@link Objects} can be asked for. Discovery would cost a request for each group, and kgents knows the
 * kinds that it uses.
 *
 * @module
 */

/** How the API serves a kind. */
export interface ResourceType {
  /** Group and version, such as `apps/v1`; `v1` for the core group. */
  readonly apiVersion: string;
  readonly kind: string;
  /** The name in paths, such as `deployments`. */
  readonly plural: string;
  /** Whether its objects are in a namespace. */
  readonly namespaced: boolean;
}

const namespaced = (apiVersion: string, kind: string, plural: string): ResourceType => ({
  apiVersion,
  kind,
  plural,
  namespaced: true,
});

const clusterWide = (apiVersion: string, kind: string, plural: string): ResourceType => ({
  apiVersion,
  kind,
  plural,
  namespaced: false,
});

/** The kinds, by name. */
export const resourceTypes = {
  Agent: namespaced("kgents.io/v1", "Agent", "agents"),
  ConfigMap: namespaced("v1", "ConfigMap", "configmaps"),
  CustomResourceDefinition: clusterWide(
    "apiextensions.k8s.io/v1",
    "CustomResourceDefinition",
    "customresourcedefinitions",
  ),
  Deployment: namespaced("apps/v1", "Deployment", "deployments"),
  Event: namespaced("events.k8s.io/v1", "Event", "events"),
  Lease: namespaced("coordination.k8s.io/v1", "Lease", "leases"),
  LimitRange: namespaced("v1", "LimitRange", "limitranges"),
  Namespace: clusterWide("v1", "Namespace", "namespaces"),
  NetworkPolicy: namespaced("networking.k8s.io/v1", "NetworkPolicy", "networkpolicies"),
  Pod: namespaced("v1", "Pod", "pods"),
  ReplicaSet: namespaced("apps/v1", "ReplicaSet", "replicasets"),
  ResourceQuota: namespaced("v1", "ResourceQuota", "resourcequotas"),
  Role: namespaced("rbac.authorization.k8s.io/v1", "Role", "roles"),
  RoleBinding: namespaced("rbac.authorization.k8s.io/v1", "RoleBinding", "rolebindings"),
  Service: namespaced("v1", "Service", "services"),
  ServiceAccount: namespaced("v1", "ServiceAccount", "serviceaccounts"),
} as const satisfies Record<string, ResourceType>;

/**
 * The type of an object.
 *
 * @throws Error if kgents does not know the kind: the caller passes an object that nothing validated
 */
export function resourceTypeOf({ apiVersion, kind }: { apiVersion?: string; kind?: string }): ResourceType {
  const found = Object.values<ResourceType>(resourceTypes).find(
    (type) => type.kind === kind && type.apiVersion === apiVersion,
  );
  if (found) return found;
  throw new Error(`${apiVersion ?? "no apiVersion"} ${kind ?? "no kind"} is no kind that kgents works with`);
}

/** The path of a type's objects, of one namespace or of all, or of one object. */
export function resourcePath(type: ResourceType, namespace?: string, name?: string, subresource?: string): string {
  const { apiVersion, plural } = type;
  const parts = [
    apiVersion.includes("/") ? "/apis" : "/api",
    apiVersion,
    ...(type.namespaced && namespace !== undefined ? ["namespaces", encodeURIComponent(namespace)] : []),
    plural,
    ...(name === undefined ? [] : [encodeURIComponent(name)]),
    ...(subresource === undefined ? [] : [subresource]),
  ];
  return parts.join("/");
}

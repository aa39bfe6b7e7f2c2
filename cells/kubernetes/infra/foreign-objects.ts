import type { KubernetesObject } from "@kubernetes/client-node";
import { managedByKgents, managedByLabel } from "#core/manifest/cluster-names";
import type { ClusterClient } from "../api/cluster-client.ts";
import { objectsFor } from "./infra-cluster.ts";

/** Kinds of objects that people create in namespaces. Objects that controllers create have an owner reference. */
const kinds = [
  ["v1", "Pod"],
  ["v1", "ConfigMap"],
  ["v1", "Secret"],
  ["v1", "Service"],
  ["v1", "PersistentVolumeClaim"],
  ["apps/v1", "Deployment"],
  ["apps/v1", "StatefulSet"],
  ["apps/v1", "DaemonSet"],
  ["batch/v1", "Job"],
  ["batch/v1", "CronJob"],
] as const;

/** Whether the cluster itself creates the object in each namespace. */
function isOfCluster(kind: string, { metadata, ...rest }: KubernetesObject & { type?: string }): boolean {
  if (kind === "ConfigMap")
    return /^(?:kube-root-ca|openshift-service-ca|istio-ca-root-cert)/.test(metadata?.name ?? "");
  return kind === "Secret" && /^kubernetes\.io\/(?:service-account-token|dockercfg)$/.test(rest.type ?? "");
}

/** The objects in the namespace that kgents did not make, each as `Kind name`. */
export async function foreignObjects(client: ClusterClient): Promise<readonly string[]> {
  const found = await Promise.all(
    kinds.map(async ([apiVersion, kind]) => {
      const { items } = await client.request(`listing what is in ${client.namespace}`, (_, call) =>
        objectsFor(client, call).list(apiVersion, kind, client.namespace),
      );
      return items
        .filter(({ metadata }) => metadata?.labels?.[managedByLabel] !== managedByKgents && !metadata?.ownerReferences)
        .filter((item) => !isOfCluster(kind, item))
        .map(({ metadata }) => `${kind} ${metadata?.name}`);
    }),
  );
  return found.flat();
}

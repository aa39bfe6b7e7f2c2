import type { V1Namespace } from "@kubernetes/client-node";
import { KgentsError } from "#core/contract/error";
import { managedByKgents, managedByLabel } from "#core/manifest/cluster-names";
import type { ClusterClient } from "../api/cluster-client.ts";
import { ClusterError } from "../api/cluster-error.ts";
import { answerMilliseconds } from "./infra-cluster.ts";

/** Reads the namespace; undefined if there is none. */
export async function readNamespace(client: ClusterClient): Promise<V1Namespace | undefined> {
  try {
    return await client.request(
      `reading the namespace ${client.namespace}`,
      ({ core }, call) => core.readNamespace({ name: client.namespace }, call),
      { milliseconds: answerMilliseconds },
    );
  } catch (error) {
    if (error instanceof ClusterError && error.status === 404) return undefined;
    throw error;
  }
}

/** Whether `kgents infra init` created it. */
export const isOurs = (namespace: V1Namespace): boolean =>
  namespace.metadata?.labels?.[managedByLabel] === managedByKgents;

/** @throws KgentsError if the namespace is being deleted: nothing can be created in it */
export function refuseLeaving(namespace: V1Namespace): void {
  if (namespace.metadata?.deletionTimestamp === undefined) return;
  throw new KgentsError("cluster-unavailable", `the namespace ${namespace.metadata.name} is being removed`, {
    remedy: "Wait until it is gone, and run this again.",
  });
}

/** @throws KgentsError if kgents did not create the namespace */
export function refuseForeign(namespace: V1Namespace, remedy: string): void {
  const name = namespace.metadata?.name ?? "";
  if (!isOurs(namespace)) {
    throw new KgentsError(
      "invalid-request",
      `--namespace: ${name} was not made by kgents (it has no label ${managedByLabel}=${managedByKgents}), and is left alone`,
      { field: "--namespace", remedy },
    );
  }
}

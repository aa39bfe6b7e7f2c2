import type { ClusterClient } from "#cells/kubernetes/api/cluster-client";
import { ClusterError } from "#cells/kubernetes/api/cluster-error";
import { sendObject } from "#cells/kubernetes/api/send-object";
import type { Crd } from "#core/agents/crd";
import { managedByKgents, managedByLabel } from "#core/manifest/cluster-names";
import { crdPath, listObjects, readCrd, servedVersion } from "./crd-api.ts";

/**
 * Removes a definition that kgents installed, unless there are objects of it in any namespace.
 *
 * @returns the number of objects that keep it; undefined if kgents did not install it, or it is not there
 */
export async function removeCrdIfUnused(client: ClusterClient, wanted: Crd): Promise<number | undefined> {
  const { name } = wanted.metadata;
  const live = await readCrd(client, name);
  if (live?.metadata.labels?.[managedByLabel] !== managedByKgents) return undefined;
  const version = servedVersion(live);
  const { length } = version === undefined ? [] : await listObjects(client, live, version);
  if (length > 0) return length;
  const body = { preconditions: { uid: live.metadata.uid, resourceVersion: live.metadata.resourceVersion } };
  try {
    await client.request(`removing ${name}`, (_apis, options) =>
      sendObject(client, { method: "DELETE", path: crdPath(name), body }, options),
    );
  } catch (error) {
    if (!(error instanceof ClusterError && error.status === 404)) throw error;
  }
  return 0;
}

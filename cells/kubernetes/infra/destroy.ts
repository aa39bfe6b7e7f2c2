/**
 * Removes what `kgents infra init` created: the namespace, all objects of kgents in it, and its admission policy.
 *
 * @module
 */
import type { V1Namespace } from "@kubernetes/client-node";
import { KgentsError } from "#core/contract/error";
import type { ClusterClient } from "../api/cluster-client.ts";
import { ClusterError } from "../api/cluster-error.ts";
import { hasAdmissionLeft, removeAdmission } from "./admission.ts";
import { readNamespace, refuseForeign } from "./cell-namespace.ts";
import { type CellCounts, countCells } from "./cells.ts";
import { foreignObjects } from "./foreign-objects.ts";
import { waitFor } from "./watch-objects.ts";

/** What would be removed. */
export interface DestroyPlan {
  /** The namespace's uid: a later one of the same name is left alone. Undefined if the namespace is already gone. */
  readonly uid: string | undefined;
  readonly cells: CellCounts;
}

const goneMilliseconds = 120_000;

/**
 * Plans what to remove.
 *
 * @returns undefined if there is no such namespace and nothing is left of it
 * @throws KgentsError if kgents did not create it, or it contains objects that kgents did not create
 */
export async function planDestroy(client: ClusterClient): Promise<DestroyPlan | undefined> {
  const namespace = await readNamespace(client);
  if (namespace === undefined) {
    // An earlier run may have been interrupted after the namespace was gone.
    return (await hasAdmissionLeft(client)) ? { uid: undefined, cells: { running: 0, finished: 0 } } : undefined;
  }
  refuseForeign(namespace, "Name the namespace that `kgents infra init` made with --namespace.");
  const [cells, foreign] = await Promise.all([countCells(client), foreignObjects(client)]);
  if (foreign.length > 0) {
    const some = foreign.slice(0, 5).join(", ");
    throw new KgentsError(
      "invalid-request",
      `--namespace: ${client.namespace} holds what kgents did not make: ${some}${foreign.length > 5 ? `, and ${foreign.length - 5} more` : ""}`,
      { field: "--namespace", remedy: "Move or remove it first: it would go with the namespace." },
    );
  }
  return { uid: namespace.metadata?.uid ?? "", cells };
}

/** Removes the namespace and the objects of kgents outside of it, and waits until the namespace is gone. */
export async function destroy(client: ClusterClient, { uid }: DestroyPlan, interrupted: AbortSignal): Promise<void> {
  const { namespace: name } = client;
  if (uid === undefined) {
    await removeAdmission(client);
    return;
  }
  await client.request(`removing the namespace ${name}`, ({ core }, call) =>
    core.deleteNamespace({ name, body: { preconditions: { uid } } }, call).catch(unlessGone),
  );
  // Nothing can be created in the namespace any more, so its policy is no longer needed.
  await removeAdmission(client);
  const fieldSelector = `metadata.name=${name}`;
  const late = AbortSignal.timeout(goneMilliseconds);
  try {
    await waitFor<V1Namespace, true>(
      client,
      {
        path: "/api/v1/namespaces",
        selector: { fieldSelector },
        list: ({ core }, call) => core.listNamespace({ fieldSelector }, call),
        signal: AbortSignal.any([interrupted, late]),
      },
      (namespaces) => namespaces.get(name)?.metadata?.uid !== uid || undefined,
    );
  } catch (error) {
    if (!late.aborted || error instanceof ClusterError) throw error;
    const left = (await readNamespace(client))?.status?.conditions?.find(({ status }) => status === "True");
    throw new KgentsError(
      "cluster-unavailable",
      `the namespace ${name} is still there ${goneMilliseconds / 1000} s after its removal: ${left?.message ?? "no reason is given"}`,
      { cause: error, remedy: "The cluster goes on removing it; look at it with `kubectl describe namespace`." },
    );
  }
}

/** Ignores 404: the namespace is already gone. */
function unlessGone(error: unknown): void {
  const { code }: { code?: unknown } = typeof error === "object" && error !== null ? error : {};
  if (code !== 404) throw error;
}

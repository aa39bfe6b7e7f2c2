/**
 * Plans the changes of `kgents infra init` to a cluster, by a server-side dry run.
 *
 * @module
 */
import { isDeepStrictEqual } from "node:util";
import type { ClusterClient } from "../api/cluster-client.ts";
import { ClusterError } from "../api/cluster-error.ts";
import { admissionApi, hasAdmissionPolicies } from "./admission.ts";
import { readNamespace, refuseForeign, refuseLeaving } from "./cell-namespace.ts";
import { objectsFor } from "./infra-cluster.ts";
import type { Manifest } from "./manifests.ts";

/**
 * - `keep`: an operator owns fields of the object and may set them.
 * - `unsupported`: the API server is too old for the object.
 */
export type PlannedAction = "create" | "change" | "unchanged" | "keep" | "unsupported";

/** An object and the action planned for it. */
export interface PlannedObject {
  readonly manifest: Manifest;
  readonly action: PlannedAction;
}

const fieldManager = "kgents";

/** Kinds that operators may adapt to their clusters. All others isolate cells and are reset. */
const operatorsOwn: readonly string[] = ["ResourceQuota", "LimitRange"];

const isConflict = (error: unknown): boolean =>
  error instanceof ClusterError && error.status === 409 && error.reason === "Conflict";

/** Applies an object by server-side apply. A dry run gives the same response without a change. */
export const applyObject = (client: ClusterClient, manifest: Manifest, dryRun?: "All"): Promise<Manifest> =>
  client.request(`applying ${manifest.kind} ${manifest.metadata.name}`, (_, call) =>
    objectsFor(client, call, manifest).patch(
      manifest,
      undefined,
      dryRun,
      fieldManager,
      !operatorsOwn.includes(manifest.kind),
      client.module.PatchStrategy.ServerSideApply,
    ),
  );

async function readObject(client: ClusterClient, { apiVersion, kind, metadata }: Manifest) {
  const { name, namespace } = metadata;
  try {
    return await client.request(`reading ${kind} ${name}`, (_, call) =>
      objectsFor(client, call).read({
        apiVersion,
        kind,
        metadata: { name, ...(namespace !== undefined && { namespace }) },
      }),
    );
  } catch (error) {
    if (error instanceof ClusterError && error.status === 404) return undefined;
    throw error;
  }
}

/** An object without the fields that change on every write or by themselves. */
function content(object: object): unknown {
  const { metadata, status: _status, ...rest } = object as { metadata?: object; status?: unknown };
  const {
    managedFields: _,
    resourceVersion: _v,
    generation: _g,
    ...kept
  } = (metadata ?? {}) as Record<string, unknown>;
  return JSON.parse(JSON.stringify({ ...rest, metadata: kept }));
}

async function actionFor(client: ClusterClient, manifest: Manifest): Promise<PlannedAction> {
  const live = await readObject(client, manifest);
  if (live === undefined) return "create";
  try {
    const applied = await applyObject(client, manifest, "All");
    return isDeepStrictEqual(content(live), content(applied)) ? "unchanged" : "change";
  } catch (error) {
    if (isConflict(error)) return "keep";
    throw error;
  }
}

/**
 * Compares the manifests with the cluster.
 *
 * @throws KgentsError if the namespace exists and kgents did not create it
 */
export async function planInit(
  client: ClusterClient,
  manifests: readonly Manifest[],
): Promise<readonly PlannedObject[]> {
  const [namespace, admits] = await Promise.all([readNamespace(client), hasAdmissionPolicies(client)]);
  const isUnsupported = ({ apiVersion }: Manifest): boolean => !admits && apiVersion === admissionApi;
  if (namespace === undefined) {
    return manifests.map((manifest) => ({ manifest, action: isUnsupported(manifest) ? "unsupported" : "create" }));
  }
  refuseForeign(namespace, "Name another namespace with --namespace: one that does not exist yet.");
  refuseLeaving(namespace);
  return Promise.all(
    manifests.map(async (manifest) => ({
      manifest,
      action: isUnsupported(manifest) ? "unsupported" : await actionFor(client, manifest),
    })),
  );
}

/** Applies the planned changes, the namespace first. */
export async function applyPlan(client: ClusterClient, plan: readonly PlannedObject[]): Promise<void> {
  for (const { manifest, action } of plan) {
    if (action === "create" || action === "change") await applyObject(client, manifest);
  }
}

/**
 * What `kgents infra init` would do to a cluster, as the cluster itself says by a dry run.
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
 * - `keep`: somebody else set values there that are theirs to set.
 * - `unsupported`: the API server is too old for it.
 */
export type PlannedAction = "create" | "change" | "unchanged" | "keep" | "unsupported";

/** An object, and what becomes of it. */
export interface PlannedObject {
  readonly manifest: Manifest;
  readonly action: PlannedAction;
}

const fieldManager = "kgents";

/** Operators adapt these to their clusters; everything else is what isolates cells, and is put right. */
const operatorsOwn: readonly string[] = ["ResourceQuota", "LimitRange"];

const isConflict = (error: unknown): boolean =>
  error instanceof ClusterError && error.status === 409 && error.reason === "Conflict";

/** Applies an object on the server; a dry run changes nothing and answers the same. */
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

/** An object without what changes whenever it is written, or by itself. */
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
 * Looks at what is there.
 *
 * @throws KgentsError where the namespace exists and is not ours
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

/** Applies what the plan has to apply, the namespace first. */
export async function applyPlan(client: ClusterClient, plan: readonly PlannedObject[]): Promise<void> {
  for (const { manifest, action } of plan) {
    if (action === "create" || action === "change") await applyObject(client, manifest);
  }
}

/**
 * The admission policy that allows nothing but cells in the namespace. It consists of two cluster-wide objects, whose
 * names contain the namespace.
 *
 * @module
 */
import type { KubernetesObject } from "@kubernetes/client-node";
import { managedByKgents, managedByLabel } from "#core/manifest/cluster-names";
import type { ClusterClient } from "../api/cluster-client.ts";
import { ClusterError } from "../api/cluster-error.ts";
import { objectsFor } from "./infra-cluster.ts";

/** The API group and version, which has these policies from Kubernetes 1.30 on. */
export const admissionApi = "admissionregistration.k8s.io/v1";

const kinds = ["ValidatingAdmissionPolicyBinding", "ValidatingAdmissionPolicy"] as const;

/**
 * - `enforced`: the API server refuses Jobs that are not cells.
 * - `missing`: the API server supports the policy, but it is not installed.
 * - `unsupported`: the API server is older than Kubernetes 1.30 and has no such policies.
 */
export type CellAdmission = "enforced" | "missing" | "unsupported";

/** The name of both objects. */
const nameFor = (namespace: string): string => `kgents-cells.${namespace}`;

/** Whether the API server has admission policies. */
export async function hasAdmissionPolicies(client: ClusterClient): Promise<boolean> {
  try {
    const { resources } = await client.request("asking for the kinds of admission", ({ admission }, call) =>
      admission.getAPIResources(call),
    );
    return resources.some(({ kind }) => kind === "ValidatingAdmissionPolicy");
  } catch (error) {
    if (error instanceof ClusterError && error.status === 404) return false;
    throw error;
  }
}

/** The policy's objects that exist and belong to kgents. */
async function ownObjects(client: ClusterClient): Promise<readonly KubernetesObject[]> {
  const name = nameFor(client.namespace);
  const found = await Promise.all(
    kinds.map(async (kind) => {
      try {
        return await client.request(`reading ${kind} ${name}`, (_, call) =>
          objectsFor(client, call).read({ apiVersion: admissionApi, kind, metadata: { name } }),
        );
      } catch (error) {
        if (error instanceof ClusterError && error.status === 404) return undefined;
        throw error;
      }
    }),
  );
  return found
    .filter((object) => object?.metadata?.labels?.[managedByLabel] === managedByKgents)
    .flatMap((it) => it ?? []);
}

/** Whether the namespace only admits cells. */
export async function cellAdmission(client: ClusterClient): Promise<CellAdmission> {
  if (!(await hasAdmissionPolicies(client))) return "unsupported";
  return (await ownObjects(client)).length === kinds.length ? "enforced" : "missing";
}

/** Whether any of the policy's objects is left. */
export const hasAdmissionLeft = async (client: ClusterClient): Promise<boolean> =>
  (await hasAdmissionPolicies(client)) && (await ownObjects(client)).length > 0;

/** Removes the policy's objects that belong to kgents; ignores those that are already gone. */
export async function removeAdmission(client: ClusterClient): Promise<void> {
  if (!(await hasAdmissionPolicies(client))) return;
  for (const object of await ownObjects(client)) {
    const { apiVersion = admissionApi, kind = "", metadata = {} } = object;
    const { name = "", uid } = metadata;
    try {
      await client.request(`removing ${kind} ${name}`, (_, call) =>
        objectsFor(client, call).delete(
          { apiVersion, kind, metadata: { name } },
          undefined,
          undefined,
          undefined,
          undefined,
          undefined,
          {
            ...(uid !== undefined && { preconditions: { uid } }),
          },
        ),
      );
    } catch (error) {
      if (!(error instanceof ClusterError && error.status === 404)) throw error;
    }
  }
}

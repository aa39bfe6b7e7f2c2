import { createClusterClient } from "#cells/kubernetes/api/cluster-client";
import { ClusterError } from "#cells/kubernetes/api/cluster-error";
import { missingAccess } from "#cells/kubernetes/infra/check-access";
import type { Configuration } from "#core/configuration/configuration";
import { type Check, failed, ok, warning } from "./check.ts";

/** Whether the credentials have the rights that a worker needs in a reachable cluster. */
export async function checkRights({ worker }: Configuration): Promise<Check> {
  const name = "Rights";
  const { context, namespace } = worker.kubernetes;
  try {
    const missing = await missingAccess(await createClusterClient({ context, namespace }));
    return missing.length === 0
      ? ok(name, `these credentials may do everything that a worker does in the namespace ${namespace}`)
      : failed(
          name,
          `these credentials may not ${missing.join(", ")} in the namespace ${namespace}`,
          "Bind the Role in deploy/cells/ to them (docs/kubernetes.md, RBAC).",
        );
  } catch (error) {
    if (!(error instanceof ClusterError)) throw error;
    return warning(name, error.message, "`kgents infra status` shows details.");
  }
}

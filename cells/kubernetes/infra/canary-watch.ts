import type { V1Pod } from "@kubernetes/client-node";
import { canaryLabel, canaryRoleLabel } from "#core/manifest/cluster-names";
import type { ClusterClient } from "../api/cluster-client.ts";
import type { CanaryRole } from "./canary-objects.ts";
import { hasEnded, messageOf, obstacleOf } from "./canary-pod-state.ts";
import { waitFor } from "./watch-objects.ts";

/** The current pods of the canary, by role. */
export type CanaryPods = Readonly<Partial<Record<CanaryRole, V1Pod>>>;

/** An obstacle that keeps the canary from reaching a verdict. */
export class CanaryObstacle extends Error {}

/** Follows the pods of one canary. */
export interface CanaryWatch {
  /** @throws CanaryObstacle if a pod cannot do its part, or what `find` throws */
  readonly until: <Found>(find: (pods: CanaryPods) => Found | undefined) => Promise<Found>;
  readonly latest: () => CanaryPods;
}

/** Creates the watch; sends no request before `until` is called. */
export function watchCanary(client: ClusterClient, id: string, signal: AbortSignal): CanaryWatch {
  const { namespace } = client;
  const labelSelector = `${canaryLabel}=${id}`;
  let latest: CanaryPods = {};
  return {
    latest: () => latest,
    until: (find) =>
      waitFor<V1Pod, NonNullable<ReturnType<typeof find>>>(
        client,
        {
          path: `/api/v1/namespaces/${namespace}/pods`,
          selector: { labelSelector },
          list: ({ core }, call) => core.listNamespacedPod({ namespace, labelSelector }, call),
          signal,
        },
        (pods) => {
          latest = Object.fromEntries([...pods.values()].map((pod) => [pod.metadata?.labels?.[canaryRoleLabel], pod]));
          refuseObstacles(latest);
          return find(latest) ?? undefined;
        },
      ),
  };
}

function refuseObstacles(pods: CanaryPods): void {
  for (const pod of Object.values(pods)) {
    const obstacle = obstacleOf(pod);
    if (obstacle !== undefined) throw new CanaryObstacle(obstacle);
  }
  if (hasEnded(pods.target)) throw new CanaryObstacle(messageOf(pods.target));
}

import { connectInfra, type InfraCluster, infraFailure } from "#cells/kubernetes/infra/infra-cluster";
import type { Reporter } from "../terminal/reporter.ts";

/** Exit code if the cluster cannot be used as asked, or nothing was done. */
export const notUsable = 1;

/** Says that the user has declined. */
export function declined(reporter: Reporter): number {
  reporter.say("nothing was changed");
  return notUsable;
}

/**
 * Connects, and does something with the cluster.
 *
 * @throws KgentsError that names the cluster
 */
export async function onCluster(
  settings: Parameters<typeof connectInfra>[0],
  act: (cluster: InfraCluster) => Promise<number>,
): Promise<number> {
  const cluster = await connectInfra(settings);
  try {
    return await act(cluster);
  } catch (error) {
    throw infraFailure(cluster, error);
  }
}

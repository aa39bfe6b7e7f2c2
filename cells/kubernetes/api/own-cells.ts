import type { ClusterClient } from "./cluster-client.ts";
import type { PodWatch } from "./pod-watch.ts";

/** Access to a cluster for one instance of kgents, limited to its own cells. */
export interface OwnCells {
  readonly client: ClusterClient;
  readonly watch: PodWatch;
  /** The label value of its cells: a hash of the Temporal cluster's id and namespace. */
  readonly instance: string;
}

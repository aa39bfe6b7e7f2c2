import type { ClusterClient } from "./cluster-client.ts";
import type { PodWatch } from "./pod-watch.ts";

/** A cluster as one instance of kgents sees it: its own cells, and nothing else. */
export interface OwnCells {
  readonly client: ClusterClient;
  readonly watch: PodWatch;
  /** What marks its cells: a hash of the Temporal cluster's id and namespace. */
  readonly instance: string;
}

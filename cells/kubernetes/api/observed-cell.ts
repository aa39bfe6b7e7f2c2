/**
 * What is seen of a cell in the cluster: as much of Kubernetes' Job, Pod and Event as its state is told from. A watch
 * delivers objects of these shapes.
 *
 * @module
 */

/** A condition of a Job or a pod. */
export interface ObservedCondition {
  readonly type: string;
  readonly status: string;
  readonly reason?: string;
  readonly message?: string;
}

/** Whose object it is, and whether it is on its way out. Times as Kubernetes writes them: ISO 8601. */
interface ObservedMetadata {
  readonly name: string;
  readonly creationTimestamp: string;
  readonly deletionTimestamp?: string;
  /** What tells it from another object that had, or will have, its name. */
  readonly uid?: string;
  readonly ownerReferences?: readonly { readonly kind: string; readonly name: string; readonly uid: string }[];
}

/** The state of one container: one of the three is there, or none before the kubelet has seen it. */
export interface ObservedContainer {
  readonly name: string;
  readonly state?: {
    readonly waiting?: { readonly reason?: string; readonly message?: string };
    readonly running?: object;
    readonly terminated?: { readonly exitCode: number; readonly reason?: string; readonly message?: string };
  };
}

/** A pod of the cell's Job. */
export interface ObservedPod {
  readonly metadata: ObservedMetadata;
  readonly status?: {
    readonly phase?: string;
    readonly reason?: string;
    readonly message?: string;
    readonly conditions?: readonly ObservedCondition[];
    readonly initContainerStatuses?: readonly ObservedContainer[];
    readonly containerStatuses?: readonly ObservedContainer[];
  };
}

/** The cell's Job. Its counters are left out: they lag behind its conditions and its pods. */
export interface ObservedJob {
  readonly metadata: ObservedMetadata;
  readonly status?: { readonly conditions?: readonly ObservedCondition[] };
}

/** An event of the Job: the only place that says why it has no pod. */
export interface ObservedEvent {
  readonly reason: string;
  readonly message: string;
  readonly lastTimestamp: string;
}

/** All that is known of a cell at one moment. */
export interface ObservedCell {
  /** null where the cluster has no such Job. */
  readonly job: ObservedJob | null;
  readonly pods: readonly ObservedPod[];
  readonly events: readonly ObservedEvent[];
}

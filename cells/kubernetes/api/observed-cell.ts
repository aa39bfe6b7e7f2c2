/**
 * The fields of Kubernetes' Job, Pod and Event from which a cell's state is classified. A watch delivers objects of
 * these shapes.
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

/** Metadata of an object. Times as Kubernetes writes them: ISO 8601. */
interface ObservedMetadata {
  readonly name: string;
  readonly creationTimestamp: string;
  readonly deletionTimestamp?: string;
  /** Distinguishes the object from an earlier or later one of the same name. */
  readonly uid?: string;
  readonly ownerReferences?: readonly { readonly kind: string; readonly name: string; readonly uid: string }[];
}

/** The state of one container. At most one of the three is set; none before the kubelet has seen it. */
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

/** The cell's Job, without its counters, which lag behind its conditions and its pods. */
export interface ObservedJob {
  readonly metadata: ObservedMetadata;
  readonly status?: { readonly conditions?: readonly ObservedCondition[] };
}

/** An event of the Job. Only events say why a Job has no pod. */
export interface ObservedEvent {
  readonly reason: string;
  readonly message: string;
  readonly lastTimestamp: string;
}

/** A snapshot of a cell. */
export interface ObservedCell {
  /** null if the cluster has no such Job. */
  readonly job: ObservedJob | null;
  readonly pods: readonly ObservedPod[];
  readonly events: readonly ObservedEvent[];
}

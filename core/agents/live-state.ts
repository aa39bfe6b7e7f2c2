/**
 * What is read of the live objects of an Agent: the fields of Kubernetes that its status follows from.
 *
 * @module
 */

/** A condition of a Deployment or a pod. */
export interface LiveCondition {
  readonly type: string;
  readonly status: string;
  readonly reason?: string;
  readonly message?: string;
}

/** A Deployment. */
export interface LiveDeployment {
  readonly metadata?: { readonly generation?: number };
  readonly spec?: { readonly replicas?: number };
  readonly status?: {
    readonly observedGeneration?: number;
    readonly replicas?: number;
    readonly updatedReplicas?: number;
    readonly readyReplicas?: number;
    readonly availableReplicas?: number;
    readonly conditions?: readonly LiveCondition[];
  };
}

/** The end of a container. */
export interface LiveTermination {
  readonly exitCode?: number;
  readonly signal?: number;
  readonly reason?: string;
  readonly message?: string;
}

/** A container's state. */
export interface LiveContainer {
  readonly name: string;
  readonly ready?: boolean;
  readonly restartCount?: number;
  readonly state?: {
    readonly waiting?: { readonly reason?: string; readonly message?: string };
    readonly running?: object;
    readonly terminated?: LiveTermination;
  };
  readonly lastState?: { readonly terminated?: LiveTermination };
}

/** A pod. */
export interface LivePod {
  readonly metadata?: { readonly name?: string; readonly deletionTimestamp?: string };
  readonly status?: {
    readonly phase?: string;
    readonly conditions?: readonly LiveCondition[];
    readonly initContainerStatuses?: readonly LiveContainer[];
    readonly containerStatuses?: readonly LiveContainer[];
  };
}

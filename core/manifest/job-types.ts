/**
 * The part of Kubernetes' `batch/v1` Job that a cell needs. Own types, so that core does not depend on a Kubernetes
 * client.
 *
 * @module
 */

import type { PodTemplate, spreadSelector } from "./pod-template-fields.ts";

/** Amounts of resources, as Kubernetes quantities. */
export interface ResourceAmounts {
  readonly cpu: string;
  readonly memory: string;
  readonly "ephemeral-storage": string;
  readonly [extended: string]: string;
}

/** The fields that a template adds to the pod's spec. */
type TemplateSpec = Readonly<
  Pick<
    PodTemplate,
    "nodeSelector" | "tolerations" | "affinity" | "imagePullSecrets" | "priorityClassName" | "schedulerName"
  >
>;

/** Spreads cells over nodes or zones. Its selector is always the one of cells. */
export type SpreadConstraint = NonNullable<PodTemplate["topologySpreadConstraints"]>[number] & {
  readonly labelSelector: typeof spreadSelector;
};

/** A volume with the lifetime of its pod. */
export interface EmptyDirVolume {
  readonly name: string;
  readonly emptyDir: { readonly sizeLimit: string };
}

/** A volume whose files are annotations of the pod. */
export interface AnnotationsVolume {
  readonly name: string;
  readonly downwardAPI: {
    readonly items: readonly { readonly path: string; readonly fieldRef: { readonly fieldPath: string } }[];
  };
}

/** The mount of a volume, or of one file of it, in the container. */
export interface VolumeMount {
  readonly name: string;
  readonly mountPath: string;
  readonly subPath?: string;
  readonly readOnly?: true;
}

/** The container that the code runs in. */
export interface CellContainer {
  readonly name: string;
  readonly image: string;
  readonly imagePullPolicy: "IfNotPresent";
  readonly command: readonly string[];
  readonly workingDir: string;
  readonly resources: { readonly requests: ResourceAmounts; readonly limits: ResourceAmounts };
  readonly securityContext: {
    readonly runAsNonRoot: true;
    readonly readOnlyRootFilesystem: true;
    readonly allowPrivilegeEscalation: false;
    readonly privileged: false;
    readonly capabilities: { readonly drop: readonly ["ALL"] };
    readonly seccompProfile: { readonly type: "RuntimeDefault" };
  };
  readonly volumeMounts: readonly VolumeMount[];
}

/** The pod of a cell, with the fields of a template. */
export interface CellPodSpec extends TemplateSpec {
  readonly restartPolicy: "Never";
  readonly terminationGracePeriodSeconds: number;
  readonly automountServiceAccountToken: false;
  readonly enableServiceLinks: false;
  readonly runtimeClassName?: string;
  readonly topologySpreadConstraints?: readonly SpreadConstraint[];
  readonly securityContext: {
    readonly runAsNonRoot: true;
    readonly runAsUser: number;
    readonly runAsGroup: number;
    readonly seccompProfile: { readonly type: "RuntimeDefault" };
  };
  readonly containers: readonly [CellContainer];
  readonly volumes: readonly (EmptyDirVolume | AnnotationsVolume)[];
}

/** The Job of a cell. */
export interface Job {
  readonly apiVersion: "batch/v1";
  readonly kind: "Job";
  readonly metadata: {
    readonly name: string;
    readonly namespace: string;
    readonly labels: Readonly<Record<string, string>>;
    readonly annotations: Readonly<Record<string, string>>;
  };
  readonly spec: {
    readonly backoffLimit: 0;
    readonly podReplacementPolicy: "Failed";
    readonly activeDeadlineSeconds: number;
    readonly ttlSecondsAfterFinished: number;
    readonly template: {
      readonly metadata: {
        readonly labels: Readonly<Record<string, string>>;
        readonly annotations: Readonly<Record<string, string>>;
      };
      readonly spec: CellPodSpec;
    };
  };
}

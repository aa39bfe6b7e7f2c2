/**
 * The Job of a Kubernetes cell. Dry run and worker render it with the same function.
 *
 * @module
 */

import { type CellShape, shapeOf } from "../contract/cell-shape.ts";
import { isReservedKey } from "../contract/labels.ts";
import type { Language } from "../contract/language.ts";
import type { Content, ExecutionSpec } from "../contract/request.ts";
import { contentHash } from "../contract/request-hash.ts";
import { installationSeconds } from "../packages/environment.ts";
import { cellDirectories, cellPod, collectionGraceSeconds } from "./cell-pod.ts";
import { accountAnnotations, accountFiles, defaultUserIds, userIdLabel } from "./cell-user.ts";
import {
  agentLabel,
  codeHashAnnotation,
  createdAtAnnotation,
  jobTypeLabel,
  languageLabel,
  managedByKgents,
  managedByLabel,
  networkLabel,
  partOfLabel,
} from "./cluster-names.ts";
import { checkHardening } from "./hardening.ts";
import type { Job } from "./job-types.ts";
import { jobWithTemplate } from "./pod-template.ts";
import type { PodTemplate } from "./pod-template-fields.ts";

/** The input of {@link renderJob}. */
export interface JobInput {
  readonly name: string;
  readonly namespace: string;
  readonly shape: CellShape;
  /** Labels of kgents itself, such as the instance. The request's labels come from the shape. */
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  /** Optional, so that the output of a dry run is deterministic. */
  readonly createdAt?: Date | undefined;
  /** Such as `gvisor`. @default the node's default runtime */
  readonly runtimeClassName?: string | undefined;
  /** The user and group of the code. @default the first of the default range */
  readonly userId?: number | undefined;
  /** What the worker's configuration adds to the pod. */
  readonly podTemplate?: PodTemplate | undefined;
}

/** Prevents eviction by autoscalers, because the code must not be started twice, and sidecar injection by Istio. */
const undisturbed = {
  "karpenter.sh/do-not-disrupt": "true",
  "cluster-autoscaler.kubernetes.io/safe-to-evict": "false",
  "sidecar.istio.io/inject": "false",
} as const;

/** The code of a request: `code`, or the content of the entrypoint. */
export const codeOf = ({ code, entrypoint, files }: ExecutionSpec): Content =>
  code ?? files.find((file) => file.name === entrypoint)?.content ?? "";

const withoutReserved = (entries: Readonly<Record<string, string>>): Record<string, string> =>
  Object.fromEntries(Object.entries(entries).filter(([key]) => !isReservedKey(key)));

/**
 * The annotations of a Job that runs the code of one request.
 *
 * Asynchronous, because Web Crypto computes the hash asynchronously.
 */
export const codeAnnotations = async (spec: ExecutionSpec): Promise<Record<string, string>> => ({
  [codeHashAnnotation]: `sha256:${await contentHash(codeOf(spec))}`,
});

/** The Job of a request, as a dry run shows it. */
export const jobOfRequest = async (
  spec: ExecutionSpec,
  language: Language,
  { annotations, ...input }: Omit<JobInput, "shape">,
): Promise<Job> =>
  renderJob({
    ...input,
    shape: shapeOf(spec, language),
    annotations: { ...annotations, ...(await codeAnnotations(spec)) },
  });

/** The value of the label that a NetworkPolicy selects pods by. */
const networkLabelOf = (shape: CellShape): string => {
  switch (shape.network.to) {
    case "nothing":
      return "false";
    case "public-addresses":
      return "true";
  }
};

/**
 * Renders the Job of a cell. It contains neither code nor arguments, variables and files. They are delivered to the
 * running cell, so that they are not stored in the cluster.
 *
 * @throws KgentsError `internal` if the Job is not hardened, naming the field
 */
export function renderJob(input: JobInput): Job {
  const plain = plainJob(input);
  const job = jobWithTemplate(plain, input.podTemplate);
  checkHardening(job, plain);
  return job;
}

/** The Job without a template. */
function plainJob(input: JobInput): Job {
  const { shape, runtimeClassName, userId = defaultUserIds.first } = input;
  const labels = {
    ...withoutReserved(shape.labels),
    ...input.labels,
    [partOfLabel]: managedByKgents,
    [managedByLabel]: managedByKgents,
    [agentLabel]: "q-gent",
    [jobTypeLabel]: "ephemeral",
    [languageLabel]: shape.language.name,
    // The namespace denies all traffic by default. One NetworkPolicy allows it for pods where this is "true".
    [networkLabel]: networkLabelOf(shape),
    [userIdLabel]: String(userId),
  };
  const annotations = {
    ...input.annotations,
    ...(input.createdAt && { [createdAtAnnotation]: input.createdAt.toISOString() }),
  };
  const accounts = accountFiles(userId, cellDirectories.work);
  const podAnnotations = {
    ...undisturbed,
    [accountAnnotations.passwd]: accounts.passwd,
    [accountAnnotations.group]: accounts.group,
  };
  return {
    apiVersion: "batch/v1",
    kind: "Job",
    metadata: { name: input.name, namespace: input.namespace, labels, annotations },
    spec: {
      backoffLimit: 0,
      // By default a deleted pod is replaced while it is still terminating, so the code would run twice.
      podReplacementPolicy: "Failed",
      // A backstop: ends the Job if Temporal is down.
      activeDeadlineSeconds:
        Math.ceil((shape.startupTimeout + shape.lifetime) / 1000) +
        (shape.environment ? installationSeconds : 0) +
        collectionGraceSeconds,
      ttlSecondsAfterFinished: Math.ceil(shape.ttl / 1000),
      template: {
        metadata: { labels: { ...labels }, annotations: podAnnotations },
        spec: cellPod(shape, { runtimeClassName, userId }),
      },
    },
  };
}

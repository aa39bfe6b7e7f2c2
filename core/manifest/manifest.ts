/**
 * The Job of a Kubernetes cell. Dry run and worker render it with the same function.
 *
 * @module
 */

import { isReservedKey } from "../contract/labels.ts";
import type { Language } from "../contract/language.ts";
import type { Content, ExecutionSpec } from "../contract/request.ts";
import { contentHash } from "../contract/request-hash.ts";
import { cellDirectories, cellPod, collectionGraceSeconds } from "./cell-pod.ts";
import { accountAnnotations, accountFiles, defaultUserIds, userIdLabel } from "./cell-user.ts";
import type { Job } from "./job-types.ts";

/** The input of {@link renderJob}. */
export interface JobInput {
  readonly name: string;
  readonly namespace: string;
  readonly spec: ExecutionSpec;
  readonly language: Language;
  /** Labels of kgents itself, such as the instance. The request's labels come from the spec. */
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  /** Optional, so that the output of a dry run is deterministic. */
  readonly createdAt?: Date | undefined;
  /** Such as `gvisor`. @default the node's default runtime */
  readonly runtimeClassName?: string | undefined;
  /** The user and group of the code. @default the first of the default range */
  readonly userId?: number | undefined;
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
 * Renders the Job of a request. It contains neither the code nor its arguments, variables and files. They are delivered
 * to the running cell, so that they are not stored in the cluster.
 *
 * Asynchronous only because Web Crypto computes the code's hash asynchronously.
 */
export async function renderJob(input: JobInput): Promise<Job> {
  const { spec, language, runtimeClassName, userId = defaultUserIds.first } = input;
  const labels = {
    ...withoutReserved(spec.labels),
    ...input.labels,
    "app.kubernetes.io/part-of": "kgents",
    "app.kubernetes.io/managed-by": "kgents",
    "kgents.io/agent": "q-gent",
    "kgents.io/job-type": "ephemeral",
    "kgents.io/language": language.name,
    // The namespace denies all traffic by default. One NetworkPolicy allows it for pods where this is "true".
    "kgents.io/network": String(spec.network),
    [userIdLabel]: String(userId),
  };
  const annotations = {
    ...input.annotations,
    ...(input.createdAt && { "kgents.io/created-at": input.createdAt.toISOString() }),
    "kgents.io/code-hash": `sha256:${await contentHash(codeOf(spec))}`,
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
      activeDeadlineSeconds: Math.ceil((spec.startupTimeout + spec.timeout) / 1000) + collectionGraceSeconds,
      ttlSecondsAfterFinished: Math.ceil(spec.ttl / 1000),
      template: {
        metadata: { labels: { ...labels }, annotations: podAnnotations },
        spec: cellPod(spec, language, { runtimeClassName, userId }),
      },
    },
  };
}

/**
 * The Job of a Kubernetes cell. What a dry run shows is what the worker creates.
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

/** What a Job is rendered from. */
export interface JobInput {
  readonly name: string;
  readonly namespace: string;
  readonly spec: ExecutionSpec;
  readonly language: Language;
  /** Labels of kgents itself, such as the owner's; the request's own come from the spec. */
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  /** Left out of the manifest where it is not given, so that a dry run prints the same each time. */
  readonly createdAt?: Date | undefined;
  /** Such as `gvisor`: another runtime than the node's default. */
  readonly runtimeClassName?: string | undefined;
  /** The user and group of the code. @default the first of the default range */
  readonly userId?: number | undefined;
}

/** What keeps others from moving a cell to another node, or from putting a container into it: its code cannot be started again. */
const undisturbed = {
  "karpenter.sh/do-not-disrupt": "true",
  "cluster-autoscaler.kubernetes.io/safe-to-evict": "false",
  "sidecar.istio.io/inject": "false",
} as const;

/** The content that runs: `code`, or the file that `entrypoint` names. */
export const codeOf = ({ code, entrypoint, files }: ExecutionSpec): Content =>
  code ?? files.find((file) => file.name === entrypoint)?.content ?? "";

const withoutReserved = (entries: Readonly<Record<string, string>>): Record<string, string> =>
  Object.fromEntries(Object.entries(entries).filter(([key]) => !isReservedKey(key)));

/**
 * Renders the Job that a request becomes. The code is not in it, nor are its arguments, variables and files: they are
 * delivered to the running cell, so that nothing of them is stored in the cluster.
 *
 * Asynchronous only for the hash of the code, which Web Crypto computes so.
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
    // The namespace denies all traffic; its one opening selects the cells that say "true" here.
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
      // Without it a deleted pod is replaced while it still ends: the code would run twice.
      podReplacementPolicy: "Failed",
      // The backstop for the day when Temporal is down.
      activeDeadlineSeconds: Math.ceil((spec.startupTimeout + spec.timeout) / 1000) + collectionGraceSeconds,
      ttlSecondsAfterFinished: Math.ceil(spec.ttl / 1000),
      template: {
        metadata: { labels: { ...labels }, annotations: podAnnotations },
        spec: cellPod(spec, language, { runtimeClassName, userId }),
      },
    },
  };
}

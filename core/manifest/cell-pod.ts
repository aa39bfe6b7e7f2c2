/**
 * The hardened pod of a Kubernetes cell: its user, directories, limits and privileges.
 *
 * @module
 */

import type { Language } from "../contract/language.ts";
import type { ExecutionSpec } from "../contract/request.ts";
import { maximumStreamBytes } from "../contract/result.ts";
import { formatBytes, formatCpu } from "../text/quantity.ts";
import { accountAnnotations, defaultUserIds } from "./cell-user.ts";
import type { AnnotationsVolume, CellContainer, CellPodSpec, VolumeMount } from "./job-types.ts";
import { supervisorCommand } from "./supervisor.ts";

const mebibyte = 2 ** 20;

/** Input that travels within the request (at most 1 MiB), markers, the container's log (the supervisor writes next to none). */
const allowanceBytes = 16 * mebibyte;

/** How long a cell waits for its output to be collected, in seconds: enough for a worker to be replaced. */
export const collectionGraceSeconds = 300;

/**
 * Processes and threads that the code may have at once, as in the sandbox: enough for a compiler or a thread pool (Node starts 11
 * threads, a JVM about 30).
 */
export const cellProcesses = 128;

/**
 * How long the node lets a cell end by itself that is deleted while it runs, in seconds. Not 0: the API server then takes the pod
 * away at once, and nobody could see whether the node has ended its processes.
 */
const endGraceSeconds = 1;

/** Where things are within a cell. */
export const cellDirectories = { run: "/run/kgents", work: "/work", temporary: "/tmp" } as const;

/** What the input takes on disk beyond what the request itself can hold, in bytes, rounded up to whole mebibytes. */
function artifactBytes({ code = "", stdin = "", files }: ExecutionSpec): number {
  const bytes = [code, stdin, ...files.map((file) => file.content)]
    .map((content) => (typeof content === "object" && "artifact" in content ? content.bytes : 0))
    .reduce((sum, size) => sum + size, 0);
  return Math.ceil(bytes / mebibyte) * mebibyte;
}

/** The mounts of the cell, each with its bound in bytes. */
function directories(spec: ExecutionSpec) {
  const input = artifactBytes(spec);
  return [
    { name: "run", mountPath: cellDirectories.run, bytes: 2 * maximumStreamBytes + allowanceBytes + input },
    { name: "work", mountPath: cellDirectories.work, bytes: spec.disk + input },
    { name: "tmp", mountPath: cellDirectories.temporary, bytes: spec.disk },
  ];
}

const accounts = "accounts";

/** The files that give the code's user a name: from the pod's annotations, because nothing in the cell can write them. */
const accountVolume: AnnotationsVolume = {
  name: accounts,
  downwardAPI: {
    items: Object.entries(accountAnnotations).map(([path, annotation]) => ({
      path,
      fieldRef: { fieldPath: `metadata.annotations['${annotation}']` },
    })),
  },
};

const accountMounts: readonly VolumeMount[] = Object.keys(accountAnnotations).map((name) => ({
  ...{ name: accounts, mountPath: `/etc/${name}`, subPath: name, readOnly: true },
}));

function resources(spec: ExecutionSpec): CellContainer["resources"] {
  // The kubelet counts everything that the pod writes: the code's disk, its input, both streams, the log.
  const storage = spec.disk + artifactBytes(spec) + 2 * maximumStreamBytes + allowanceBytes;
  return {
    // Small, so that many cells fit a node; said for each, because what is not said is requested as high as its limit.
    requests: {
      cpu: formatCpu(Math.min(100, spec.cpu)),
      memory: formatBytes(Math.min(128 * mebibyte, spec.memory)),
      "ephemeral-storage": formatBytes(Math.min(64 * mebibyte, storage)),
    },
    limits: {
      cpu: formatCpu(spec.cpu),
      memory: formatBytes(spec.memory),
      "ephemeral-storage": formatBytes(storage),
    },
  };
}

function container(spec: ExecutionSpec, language: Language): CellContainer {
  return {
    name: "cell",
    image: spec.image ?? language.image,
    imagePullPolicy: "IfNotPresent",
    command: supervisorCommand({
      runDirectory: cellDirectories.run,
      workDirectory: cellDirectories.work,
      temporaryDirectory: cellDirectories.temporary,
      timeout: spec.timeout,
      disk: spec.disk + artifactBytes(spec),
      output: maximumStreamBytes,
      grace: collectionGraceSeconds,
      processes: cellProcesses,
    }),
    workingDir: cellDirectories.work,
    resources: resources(spec),
    securityContext: {
      runAsNonRoot: true,
      readOnlyRootFilesystem: true,
      allowPrivilegeEscalation: false,
      privileged: false,
      capabilities: { drop: ["ALL"] },
      seccompProfile: { type: "RuntimeDefault" },
    },
    volumeMounts: [...directories(spec).map(({ name, mountPath }) => ({ name, mountPath })), ...accountMounts],
  };
}

/** What of a pod is not the request's. */
export interface CellPodSettings {
  /** Such as `gvisor`. @default the node's own runtime */
  readonly runtimeClassName?: string | undefined;
  /** The user and group of the code. @default the first of the default range */
  readonly userId?: number | undefined;
}

/** The pod that a request becomes. */
export const cellPod = (
  spec: ExecutionSpec,
  language: Language,
  { runtimeClassName, userId = defaultUserIds.first }: CellPodSettings = {},
): CellPodSpec => ({
  restartPolicy: "Never",
  terminationGracePeriodSeconds: endGraceSeconds,
  automountServiceAccountToken: false,
  enableServiceLinks: false,
  ...(runtimeClassName !== undefined && { runtimeClassName }),
  securityContext: {
    runAsNonRoot: true,
    runAsUser: userId,
    runAsGroup: userId,
    seccompProfile: { type: "RuntimeDefault" },
  },
  containers: [container(spec, language)],
  volumes: [
    ...directories(spec).map(({ name, bytes }) => ({ name, emptyDir: { sizeLimit: formatBytes(bytes) } })),
    accountVolume,
  ],
});

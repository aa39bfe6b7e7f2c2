/**
 * The hardened pod of a Kubernetes cell: its user, directories, limits and privileges.
 *
 * @module
 */
import type { CellContainer, CellPodSpec } from "./job-types.ts";
import type { Language } from "./language.ts";
import { formatBytes, formatCpu } from "./quantity.ts";
import type { ExecutionSpec } from "./request.ts";
import { maximumStreamBytes } from "./result.ts";
import { supervisorCommand } from "./supervisor.ts";

const mebibyte = 2 ** 20;

/** Input that travels within the request (at most 1 MiB), markers, the container's log (the supervisor writes next to none). */
const allowanceBytes = 16 * mebibyte;

/** How long a cell waits for its output to be collected, in seconds: enough for a worker to be replaced. */
export const collectionGraceSeconds = 300;

/**
 * The user and group of the code: `nonroot` of the distroless images. Above the ids that images give to people (1000 is
 * `node` in node's), so that no file of an image is the code's own; below 65534, which means nobody.
 */
export const cellUserId = 65_532;

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

function resources(spec: ExecutionSpec): CellContainer["resources"] {
  // The kubelet counts everything that the pod writes: the code's disk, its input, both streams, the log.
  const storage = spec.disk + artifactBytes(spec) + 2 * maximumStreamBytes + allowanceBytes;
  return {
    // Small, so that many cells fit a node; said for each, because what is not said is requested as high as its limit.
    requests: {
      cpu: formatCpu(Math.min(25, spec.cpu)),
      memory: formatBytes(Math.min(64 * mebibyte, spec.memory)),
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
    volumeMounts: directories(spec).map(({ name, mountPath }) => ({ name, mountPath })),
  };
}

/** The pod that a request becomes. */
export const cellPod = (spec: ExecutionSpec, language: Language, runtimeClassName?: string): CellPodSpec => ({
  restartPolicy: "Never",
  // The supervisor ends when it is done; whoever deletes the pod before that has no use for a wait.
  terminationGracePeriodSeconds: 0,
  automountServiceAccountToken: false,
  enableServiceLinks: false,
  ...(runtimeClassName !== undefined && { runtimeClassName }),
  securityContext: {
    runAsNonRoot: true,
    runAsUser: cellUserId,
    runAsGroup: cellUserId,
    fsGroup: cellUserId,
    seccompProfile: { type: "RuntimeDefault" },
  },
  containers: [container(spec, language)],
  volumes: directories(spec).map(({ name, bytes }) => ({ name, emptyDir: { sizeLimit: formatBytes(bytes) } })),
});

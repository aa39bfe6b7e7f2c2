/**
 * The hardened pod of a Kubernetes cell: its user, directories, limits and privileges.
 *
 * @module
 */

import type { CellShape } from "../contract/cell-shape.ts";
import { maximumStreamBytes } from "../contract/result.ts";
import { packageDirectories } from "../packages/in-cell.ts";
import { formatBytes, formatCpu } from "../text/quantity.ts";
import { accountAnnotations, defaultUserIds } from "./cell-user.ts";
import type { AnnotationsVolume, CellContainer, CellPodSpec, VolumeMount } from "./job-types.ts";
import { restrictedContainer, restrictedPod } from "./restricted.ts";
import { supervisorCommand } from "./supervisor.ts";

const mebibyte = 2 ** 20;

/**
 * Disk for input within the request (at most 1 MiB), marker files and the container's log (the supervisor logs next to
 * nothing).
 */
const allowanceBytes = 16 * mebibyte;

/** How long a cell waits for its output to be collected, in seconds: long enough to replace a worker. */
export const collectionGraceSeconds = 300;

/**
 * The limit of processes and threads of the code, the same as in the sandbox. Enough for a compiler or a thread pool
 * (Node starts 11 threads, a JVM about 30).
 */
export const cellProcesses = 128;

/**
 * The termination grace period of the pod, in seconds. Not 0: the API server would then remove the pod object
 * immediately, and it could not be observed whether the node has killed the processes.
 */
const endGraceSeconds = 1;

/** Disk for the directories of packages, and for what small files take beyond their size. */
const packageAllowance = 64 * mebibyte;

/** The directories within a cell. */
export const cellDirectories = { run: "/run/kgents", work: "/work", temporary: "/tmp" } as const;

/** The size on disk of the input from the artifact store, in bytes, rounded up to whole mebibytes. */
const inputBytes = (shape: CellShape): number => Math.ceil(shape.inputBytes / mebibyte) * mebibyte;

/** The volume of the packages; none if the cell has none. */
const packageVolume = ({ environment }: CellShape) =>
  environment
    ? [
        {
          name: "packages",
          mountPath: packageDirectories[environment.ecosystem],
          bytes: environment.maximumBytes + packageAllowance,
        },
      ]
    : [];

/** The mounts of the cell, each with its size limit in bytes. */
function directories(shape: CellShape) {
  const input = inputBytes(shape);
  return [
    { name: "run", mountPath: cellDirectories.run, bytes: 2 * maximumStreamBytes + allowanceBytes + input },
    { name: "work", mountPath: cellDirectories.work, bytes: shape.disk + input },
    { name: "tmp", mountPath: cellDirectories.temporary, bytes: shape.disk },
    ...packageVolume(shape),
  ];
}

const accounts = "accounts";

/** /etc/passwd and /etc/group. Mounted from the pod's annotations, because the code cannot write to those. */
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

function resources(shape: CellShape): CellContainer["resources"] {
  // The kubelet counts everything the pod writes: the code's disk, its input, both streams and the log.
  const packages = packageVolume(shape).reduce((sum, { bytes }) => sum + bytes, 0);
  const storage = shape.disk + inputBytes(shape) + packages + 2 * maximumStreamBytes + allowanceBytes;
  return {
    // Small, so that many cells fit on a node. Each request is set explicitly, because it otherwise defaults to the
    // limit.
    requests: {
      cpu: formatCpu(Math.min(100, shape.cpu)),
      memory: formatBytes(Math.min(128 * mebibyte, shape.memory)),
      "ephemeral-storage": formatBytes(Math.min(64 * mebibyte, storage)),
    },
    limits: {
      cpu: formatCpu(shape.cpu),
      memory: formatBytes(shape.memory),
      "ephemeral-storage": formatBytes(storage),
    },
  };
}

function container(shape: CellShape): CellContainer {
  return {
    name: "cell",
    image: shape.image,
    imagePullPolicy: "IfNotPresent",
    command: supervisorCommand({
      runDirectory: cellDirectories.run,
      workDirectory: cellDirectories.work,
      temporaryDirectory: cellDirectories.temporary,
      programs: shape.programs,
      lifetime: shape.lifetime,
      disk: shape.disk + inputBytes(shape),
      output: maximumStreamBytes,
      grace: collectionGraceSeconds,
      processes: cellProcesses,
    }),
    workingDir: cellDirectories.work,
    resources: resources(shape),
    securityContext: restrictedContainer,
    volumeMounts: [...directories(shape).map(({ name, mountPath }) => ({ name, mountPath })), ...accountMounts],
  };
}

/** The settings of a pod that do not come from the request. */
export interface CellPodSettings {
  /** Such as `gvisor`. @default the node's default runtime */
  readonly runtimeClassName?: string | undefined;
  /** The user and group of the code. @default the first of the default range */
  readonly userId?: number | undefined;
}

/** Renders the pod of a cell. */
export const cellPod = (
  shape: CellShape,
  { runtimeClassName, userId = defaultUserIds.first }: CellPodSettings = {},
): CellPodSpec => ({
  restartPolicy: "Never",
  terminationGracePeriodSeconds: endGraceSeconds,
  automountServiceAccountToken: false,
  enableServiceLinks: false,
  ...(runtimeClassName !== undefined && { runtimeClassName }),
  securityContext: restrictedPod(userId),
  containers: [container(shape)],
  volumes: [
    ...directories(shape).map(({ name, bytes }) => ({ name, emptyDir: { sizeLimit: formatBytes(bytes) } })),
    accountVolume,
  ],
});

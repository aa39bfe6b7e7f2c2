/**
 * Describes the limits that are enforced around a run in the cluster, and by which mechanism.
 *
 * @module
 */
import type { NetworkAccess } from "#core/contract/cell-shape";
import type { Enforcement, Isolation } from "#core/contract/result";
import { cellProcesses } from "#core/manifest/cell-pod";
import type { UserIds } from "#core/manifest/cell-user";
import { type CanaryTarget, canaryTargetsInWords, type NetworkIsolation } from "#core/manifest/cluster-names";
import { formatBytes, formatCpu } from "#core/text/quantity";
import { enforced, notEnforced } from "../../enforcement.ts";
import type { ShapeLimits } from "../../usual-limits.ts";

/** Facts about the cluster. */
export interface ClusterFacts {
  readonly namespace: string;
  /** The server's version, such as `v1.34.2`. */
  readonly version: string;
  readonly networkIsolation: NetworkIsolation;
  /** The targets that the canary was denied, if isolation is `enforced`. */
  readonly networkTried: readonly CanaryTarget[];
  readonly runtimeClassName: string | undefined;
  readonly userIds: UserIds;
}

const policiesOf: Readonly<Record<NetworkAccess["to"], string>> = {
  nothing: "NetworkPolicy: no traffic in or out",
  "public-addresses":
    "NetworkPolicy: DNS and public addresses, not private, link-local or other special-purpose ranges",
};

function network(isolation: NetworkIsolation, tried: readonly CanaryTarget[], { to }: NetworkAccess): Enforcement {
  const policies = policiesOf[to];
  switch (isolation) {
    case "enforced":
      // The canary tests a pod without network. It proves nothing about the ranges that stay closed to a pod with
      // network.
      return enforced(
        `${policies}; the canary of \`kgents infra init\` found policies enforced: denied without one were ${canaryTargetsInWords(tried)}`,
      );
    case "not-enforced":
      return notEnforced("the cluster ignores NetworkPolicies, as the canary of `kgents infra init` found");
    case "unknown":
      return notEnforced(`${policies}; it is not proved that the cluster enforces it`);
  }
}

/** The kernel counts the processes of a user. Whether the kernel of another runtime does is unknown. */
function processes(runtimeClassName: string | undefined): Enforcement {
  const words = `RLIMIT_NPROC of the cell's own uid: ${cellProcesses} processes and threads, beside the supervisor's`;
  return runtimeClassName === undefined
    ? enforced(words)
    : notEnforced(`${words}; whether the runtime class ${runtimeClassName} keeps to it was not tested`);
}

/** The isolation of a cell in the cluster. */
export function clusterIsolation(facts: ClusterFacts, shape: ShapeLimits): Isolation {
  const { first, count } = facts.userIds;
  const user = `a uid of the cell's own, from ${first} to ${first + count - 1}`;
  const runtime = facts.runtimeClassName === undefined ? "" : `, runtime class ${facts.runtimeClassName}`;
  return {
    level: "cluster",
    mechanism: `Kubernetes ${facts.version}: a Job in ${facts.namespace}${runtime}`,
    network: network(facts.networkIsolation, facts.networkTried, shape.network),
    filesystem: enforced("read-only root file system; volumes of the cell alone; no service account token"),
    user: enforced(`${user}, no capabilities, no new privileges`),
    syscalls: enforced("seccomp: the container runtime's default filter"),
    memory: enforced(
      `the container's limit: ${formatBytes(shape.memory)}, in which files of /dev/shm count and others do not`,
    ),
    cpu: enforced(`the container's limit: ${formatCpu(shape.cpu)}`),
    pids: processes(facts.runtimeClassName),
    disk: enforced(
      `the cell's supervisor, each second: ${formatBytes(shape.disk)} in /work and /tmp; the kubelet evicts beyond that`,
    ),
    openFiles: notEnforced("the container runtime's default"),
    output: enforced("the worker and the cell's supervisor stop the run at the output limit"),
    wallClock: enforced("the cell's supervisor, the worker after it, and the Job's deadline"),
  };
}

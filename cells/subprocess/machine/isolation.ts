/**
 * Describes the limits that are enforced around a run, and by which mechanism.
 *
 * @module
 */

import type { NetworkAccess } from "#core/contract/cell-shape";
import type { Enforcement, Isolation } from "#core/contract/result";
import { formatBytes, formatCpu } from "#core/text/quantity";
import { enforced, notEnforced } from "../../enforcement.ts";
import type { EnforcedByGroups } from "../cgroups/control-group.ts";
import { type CellLimits, chargedMemory } from "./limits.ts";
import type { Machine } from "./machine.ts";

const noGroup = "this process may not write a control group, and no systemd manager gave it one";

/** The rlimits that replace control groups. */
export interface Fallback {
  readonly memory: number | null;
  readonly pids: number | null;
}

/**
 * Decides which limits rlimits enforce. RLIMIT_AS counts reserved address space, of which Node reserves gigabytes:
 * there the memory is not limited, and the result says so. RLIMIT_NPROC counts within the user namespace; as root there
 * is none.
 */
export function rlimitFallback(machine: Machine, limits: CellLimits, program: string): Fallback {
  const groups = machine.groups?.enforced;
  return {
    memory: groups?.memory || /(?:^|\/)node$/.test(program) ? null : limits.memory,
    pids: groups?.pids ? null : limits.pids,
  };
}

function memory(groups: EnforcedByGroups | undefined, fallback: Fallback, limits: CellLimits): Enforcement {
  if (groups?.memory) {
    const files = formatBytes(chargedMemory(limits) - limits.memory);
    const by = `${groups.memory}: ${formatBytes(limits.memory)}, looked at every 50 ms, and at most ${files} more for files, which live in memory; no swap`;
    // Unread TCP connections may hold gigabytes in kernel buffers.
    return groups.sockets ? enforced(by) : notEnforced(`${by}; the buffers of TCP connections are not bounded`);
  }
  // RLIMIT_AS applies to each process, so it does not limit the cell as a whole.
  if (fallback.memory !== null)
    return notEnforced(
      `${noGroup}; RLIMIT_AS bounds each process at ${formatBytes(fallback.memory)}, not all together`,
    );
  return notEnforced(`${noGroup}, and RLIMIT_AS breaks this interpreter`);
}

const networkMeans: Readonly<Record<NetworkAccess["to"], string>> = {
  nothing: "own network namespace without a way out",
  "public-addresses":
    "own network namespace; slirp4netns, and nftables rules that drop private, link-local and this machine's addresses",
};

/** The isolation of a run in the sandbox. */
export function sandboxIsolation(
  machine: Machine,
  limits: CellLimits,
  network: NetworkAccess,
  fallback: Fallback,
): Isolation {
  const groups = machine.groups?.enforced;
  return {
    level: "sandbox",
    mechanism: `bubblewrap ${machine.version}`,
    network: enforced(networkMeans[network.to]),
    filesystem: enforced("own mount namespace: programs and libraries read-only, no home, no sockets"),
    user: enforced(
      machine.mode === "root"
        ? "a uid of its own, no capabilities, no new privileges"
        : "own user namespace, no capabilities, no new privileges; on this machine the worker's uid",
    ),
    syscalls: enforced("seccomp filter: mounts, namespaces, tracing, keys, bpf and the like are refused"),
    memory: memory(groups, fallback, limits),
    cpu: groups?.cpu ? enforced(`${groups.cpu}: ${formatCpu(limits.cpu)}`) : notEnforced(noGroup),
    pids: groups?.pids
      ? enforced(`${groups.pids}: ${limits.pids} processes and threads`)
      : enforced(`RLIMIT_NPROC: ${limits.pids} processes and threads`),
    disk: enforced(
      `tmpfs: ${formatBytes(limits.work)} in /work, ${formatBytes(limits.temporary)} in /tmp, ${formatBytes(limits.sharedMemory)} in /dev/shm`,
    ),
    openFiles: enforced(`RLIMIT_NOFILE: ${limits.openFiles} for each process`),
    output: enforced("the worker stops the run at the output limit"),
    wallClock: enforced("the worker kills the pid namespace at the time limit"),
  };
}

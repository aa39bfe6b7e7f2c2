/** What a result claims of its isolation: only limits that something enforces. */
import { describe, expect, it } from "vitest";
import { type ClusterFacts, clusterIsolation } from "#cells/kubernetes/cell/isolation";
import type { EnforcedByGroups } from "#cells/subprocess/cgroups/control-group";
import { rlimitFallback, sandboxIsolation } from "#cells/subprocess/machine/isolation";
import { cellLimits } from "#cells/subprocess/machine/limits";
import type { Machine } from "#cells/subprocess/machine/machine";
import { usualLimits } from "#cells/usual-limits";
import { defaultUserIds } from "#core/manifest/cell-user";

const limits = cellLimits(usualLimits());

const machineWith = (enforced: EnforcedByGroups | undefined): Machine => ({
  mode: "user",
  bubblewrap: "/usr/bin/bwrap",
  version: "0.11.0",
  disablesUserNamespaces: true,
  setpriv: "",
  seccomp: Buffer.alloc(0),
  view: { online: [], offline: [] },
  kernels: "",
  shell: null,
  groups: enforced && { enforced, parents: [], create: () => Promise.reject(new Error("no groups here")) },
  uidMap: "",
});

const claims = (enforced: EnforcedByGroups | undefined, program: string) => {
  const machine = machineWith(enforced);
  return sandboxIsolation(machine, limits, usualLimits().network, rlimitFallback(machine, limits, program));
};

describe("the sandbox, by its control groups", () => {
  const all: EnforcedByGroups = { memory: "cgroup", cpu: "cgroup", pids: "cgroup", sockets: "cgroup" };

  it("claims memory, cpu and processes where groups limit them", () => {
    const { memory, cpu, pids } = claims(all, "/usr/bin/python3");
    expect({ memory: memory.enforced, cpu: cpu.enforced, pids: pids.enforced }).toEqual({
      memory: true,
      cpu: true,
      pids: true,
    });
  });

  it.each([
    ["python3", "RLIMIT_AS bounds each process"],
    ["node", "RLIMIT_AS breaks this interpreter"],
  ])("claims no memory without a group: %s", (program, why) => {
    const { memory, cpu } = claims(undefined, `/usr/bin/${program}`);
    expect(memory).toEqual({ enforced: false, by: expect.stringContaining(why) });
    expect(cpu.enforced).toBe(false);
  });

  it("claims no memory where the buffers of connections are not counted", () => {
    const { memory } = claims({ ...all, sockets: null }, "/usr/bin/python3");
    expect(memory).toEqual({ enforced: false, by: expect.stringContaining("the buffers of TCP connections") });
  });
});

describe("a pod", () => {
  const facts: ClusterFacts = {
    namespace: "cells",
    version: "v1.34.2",
    networkIsolation: "enforced",
    networkTried: [],
    runtimeClassName: undefined,
    userIds: defaultUserIds,
  };

  it("claims processes by the cell's own uid, and not under a runtime that nobody has tried", () => {
    const own = clusterIsolation(facts, usualLimits()).pids;
    expect(own).toEqual({ enforced: true, by: expect.stringContaining("RLIMIT_NPROC of the cell's own uid: 128") });
    const other = clusterIsolation({ ...facts, runtimeClassName: "gvisor" }, usualLimits()).pids;
    expect(other).toEqual({ enforced: false, by: expect.stringContaining("gvisor") });
  });

  it.each([
    ["not-enforced", false],
    ["unknown", false],
    ["enforced", true],
  ] as const)("claims its network where the policies are %s: %s", (networkIsolation, enforced) => {
    expect(clusterIsolation({ ...facts, networkIsolation }, usualLimits()).network.enforced).toBe(enforced);
  });
});

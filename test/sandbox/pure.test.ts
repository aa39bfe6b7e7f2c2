/** The pure parts of the sandbox, under tables of cases. */
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { classify } from "#activities/classify-outcome";
import { findPattern } from "#cells/files/output-patterns";
import type { StopReason } from "#cells/provider";
import { parseHierarchies } from "#cells/subprocess/cgroups/own-groups";
import { sweepGroups } from "#cells/subprocess/cgroups/sweep-groups";
import { version2Group } from "#cells/subprocess/cgroups/version2";
import { claimUid } from "#cells/subprocess/machine/claim-uid";
import { cellLimits } from "#cells/subprocess/machine/limits";
import { judgeProbe } from "#cells/subprocess/machine/probe";
import { runUid } from "#cells/subprocess/machine/run-uid";
import { hostNetworks, outputRules, rulesInForce, rulesScript } from "#cells/subprocess/network/rules";
import { parseExitLine } from "#cells/subprocess/sandbox/exit-line";
import { exitStatus } from "#cells/subprocess/sandbox/exit-status";
import { sandboxFailure } from "#cells/subprocess/sandbox/sandbox-failure";
import { supervisorScript } from "#cells/subprocess/sandbox/supervisor-script";
import { allowedCalls } from "#cells/subprocess/seccomp/seccomp-allowed";
import { seccompFilter } from "#cells/subprocess/seccomp/seccomp-filter";
import type { FilterArchitecture } from "#cells/subprocess/seccomp/seccomp-syscalls";
import { identifyProcess } from "#platform/host/process-identity";

const filters = { x64: seccompFilter("x64"), arm64: seccompFilter("arm64") };

/** Evaluates a filter like the kernel. */
function answer(processor: FilterArchitecture, audit: number, call: number, args: readonly number[] = []): number {
  const program = filters[processor];
  const data = Buffer.alloc(64);
  data.writeUInt32LE(call, 0);
  data.writeUInt32LE(audit, 4);
  for (const [index, value] of args.entries()) data.writeBigUInt64LE(BigInt(value), 16 + 8 * index);
  let accumulator = 0;
  for (let at = 0; at < program.length / 8; at++) {
    const operation = program.readUInt16LE(at * 8);
    const value = program.readUInt32LE(at * 8 + 4);
    const skip = (taken: boolean): void => {
      at += program.readUInt8(at * 8 + (taken ? 2 : 3));
    };
    if (operation === 0x20) accumulator = data.readUInt32LE(value);
    else if (operation === 0x15) skip(accumulator === value);
    else if (operation === 0x35) skip(accumulator >= value);
    else if (operation === 0x45) skip((accumulator & value) !== 0);
    else if (operation === 0x06) return value;
    else throw new Error(`operation ${operation}`);
  }
  throw new Error("the program does not end");
}

const allow = 0x7fff0000;
const refuse = 0x00050001;
const kill = 0x80000000;
const x64 = 0xc000003e;
const arm64 = 0xc00000b7;

test.each<readonly [string, FilterArchitecture, number, number, readonly number[], number]>([
  ["read", "x64", x64, 0, [], allow],
  ["read", "arm64", arm64, 63, [], allow],
  ["i386 calls", "x64", 0x40000003, 3, [], kill],
  ["x32 calls", "x64", x64, 0x40000000, [], kill],
  ["32-bit ARM calls", "arm64", 0x40000028, 3, [], kill],
  ["mount", "x64", x64, 165, [], refuse],
  ["mount", "arm64", arm64, 40, [], refuse],
  ["clone3", "arm64", arm64, 435, [], 0x00050000 | 38],
  ["clone of a thread", "x64", x64, 56, [0x3d0f00], allow],
  ["clone of a user namespace", "x64", x64, 56, [0x10000011], refuse],
  ["clone of a mount namespace", "arm64", arm64, 220, [0x00020011], refuse],
  ["clone with exit signal 128", "x64", x64, 56, [0x80], allow],
  ["unshare of files", "x64", x64, 272, [0x400], allow],
  ["unshare of a time namespace", "arm64", arm64, 97, [0x80], refuse],
  ["TCGETS", "x64", x64, 16, [0, 0x5401], allow],
  ["TIOCSTI", "arm64", arm64, 29, [0, 0x5412], refuse],
  ["TIOCSTI with high bits", "x64", x64, 16, [0, 0x100005412], refuse],
  ["an internet socket", "x64", x64, 41, [2], allow],
  ["a vsock", "arm64", arm64, 198, [40], 0x00050000 | 97],
  ["a pair of UNIX sockets", "x64", x64, 53, [1], allow],
  ["a pair of other sockets", "x64", x64, 53, [30], 0x00050000 | 97],
  ["a pair of other sockets", "arm64", arm64, 199, [30], 0x00050000 | 97],
  ["asynchronous io", "x64", x64, 206, [], 0x00050000 | 38],
  ["asynchronous io", "arm64", arm64, 0, [], 0x00050000 | 38],
  ["a call that no kernel has yet", "x64", x64, 999, [], 0x00050000 | 38],
  ["a call between known ones", "arm64", arm64, 300, [], 0x00050000 | 38],
])("filter: %s on %s", (_name, processor, audit, call, args, expected) => {
  expect(answer(processor, audit, call, args)).toBe(expected);
});

test.each(["x64", "arm64"] as const)("on %s exactly the calls of the list are let through", (processor) => {
  const audit = processor === "x64" ? x64 : arm64;
  const calls = new Set(allowedCalls(processor).values());
  const looked = new Set([41, 53, 198, 199]);
  for (let number = 0; number < 600; number++) {
    if (looked.has(number)) continue;
    expect([number, answer(processor, audit, number) === allow]).toEqual([number, calls.has(number)]);
  }
});

describe("the uid of a run", () => {
  test.each<readonly [string, string, number, number]>([
    ["all ids", "0 0 4294967295", 0x70000000, 0x78000000],
    ["a container's", "0 100000 65536", 32_768, 65_536],
    ["several ranges", "0 1000 1\n1 100000 65536", 32_769, 65_537],
    ["few ids", "0 0 10", 5, 10],
  ])("%s", (_name, map, from, to) => {
    for (const cell of ["a", "b", "kgents-0123", "probe"]) {
      const uid = runUid(cell, map);
      expect(uid).toBeGreaterThanOrEqual(from);
      expect(uid).toBeLessThan(to);
      expect(uid).toBe(runUid(cell, map));
    }
    expect(runUid("a", map) === runUid("b", map) && from > 1000).toBe(false);
  });
  test("is no other live cell's, and free again afterwards", async () => {
    const cell = `claims-${process.pid}`;
    const all = "0 0 4294967295";
    const [first, second] = [await claimUid(cell, all), await claimUid(cell, all)];
    expect(first.uid).toBe(runUid(cell, all));
    expect(second.uid).not.toBe(first.uid);
    first.release();
    await expect.poll(async () => (await claimUid(cell, all)).uid).toBe(first.uid);
    second.release();
  });
  test.each(["0 1000 1", ""])("no unprivileged id in %j", (map) => {
    expect(() => runUid("a", map)).toThrow("unprivileged");
  });
});

test.each([
  ["a.txt", "./a.txt"],
  ["out/*.txt", "./out/*.txt"],
  ["**/*", "./*"],
  ["out/**/x-{a,b}.log", "./out/*.log"],
  ["a?", "./a*"],
  ["[ab]c", "./*c"],
])("find pattern of %s", (glob, pattern) => {
  expect(findPattern(glob)).toBe(pattern);
});

test.each<readonly [number, string, string | null]>([
  [0, "", null],
  [1, "", null],
  [137, "Killed", "SIGKILL"],
  [137, "", null],
  [139, "Segmentation fault (core dumped)", "SIGSEGV"],
  [130, "", "SIGINT"],
  [143, "", "SIGTERM"],
  [141, "", "SIGPIPE"],
  [255, "", null],
  [162, "Real-time signal 0", "SIGRTMIN+0"],
])("exit status %i, said %j", (status, said, signal) => {
  const diagnostics = `noise\nkgents:begin\n${said}\nkgents:end\ntar: noise\n`;
  expect(exitStatus(status, diagnostics)).toEqual({ code: status, signal });
});

test.each<readonly [string | undefined, ReturnType<typeof parseExitLine>]>([
  ["exit 0 12.50 13.75 ", { status: 0, ranMilliseconds: 1250, timedOut: false }],
  ["exit 137 1.00 61.00 timed-out", { status: 137, ranMilliseconds: 60_000, timedOut: true }],
  ["exit 3   ", { status: 3, ranMilliseconds: null, timedOut: false }],
  ["exit 0", undefined],
  ["exit 0 1.00 2.00 succeeded", undefined],
  [undefined, undefined],
])("exit line %j", (line, expected) => {
  expect(parseExitLine(line)).toEqual(expected);
});

const byItself = { exit: { code: 0, signal: null }, lost: null, outOfMemory: false };
test.each<readonly [string, number | null, StopReason | null, string]>([
  ["in time", 4900, null, "succeeded"],
  ["in time, seen late", 4900, "timed-out", "succeeded"],
  ["far too late, and nobody stopped it", 40_000, null, "timed-out"],
  ["far too late, seen late", 40_000, "timed-out", "timed-out"],
  ["nobody knows", null, null, "succeeded"],
])("code that ended by itself: %s", (_name, ranMilliseconds, reason, status) => {
  const stopped = reason && { reason, detail: "" };
  expect(classify({ ...byItself, ranMilliseconds }, stopped, 5000).status).toBe(status);
});

test("control groups of version 1 and 2, in a container and outside", () => {
  const mounts = [
    "30 24 0:26 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory",
    "31 24 0:27 /docker/abc /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu,cpuacct",
    "32 24 0:28 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw",
    "33 24 0:29 / / rw - ext4 /dev/vda rw",
  ].join("\n");
  const found = parseHierarchies(mounts, "4:memory:/a/b\n3:cpu,cpuacct:/docker/abc\n0::/user.slice\n");
  expect(found).toEqual([
    { version: 1, controllers: ["memory"], own: "/sys/fs/cgroup/memory/a/b", mountPoint: "/sys/fs/cgroup/memory" },
    { version: 1, controllers: ["cpu", "cpuacct"], own: "/sys/fs/cgroup/cpu", mountPoint: "/sys/fs/cgroup/cpu" },
    {
      version: 2,
      controllers: [],
      own: "/sys/fs/cgroup/unified/user.slice",
      mountPoint: "/sys/fs/cgroup/unified",
    },
  ]);
});

test("a group of version 2 writes its limits and reads its counters", async () => {
  const directory = await mkdtemp(join(tmpdir(), "kgents-v2-"));
  try {
    const group = version2Group(directory, new Set(["memory", "pids", "cpu"]));
    group.limit({ ...cellLimits({ memory: 100, cpu: 250, disk: 10 }), pids: 7 });
    const read = (name: string): Promise<string> => readFile(join(directory, name), "utf8");
    expect(await read("memory.max")).toBe("130");
    expect(await read("memory.swap.max")).toBe("0");
    expect(await read("pids.max")).toBe("7");
    expect(await read("cpu.max")).toBe("250000 1000000");
    await writeFile(join(directory, "memory.events"), "low 0\noom 2\noom_kill 3\n");
    await writeFile(join(directory, "memory.peak"), "4096\n");
    await writeFile(join(directory, "cpu.stat"), "usage_usec 1500000\nuser_usec 1\n");
    expect(group.usage()).toEqual({ peakMemoryBytes: 4096, cpuSeconds: 1.5, memoryKills: 3 });
    group.kill();
    expect(await read("cgroup.kill")).toBe("1");
  } finally {
    await rm(directory, { recursive: true });
  }
});

test("groups of workers that are gone are swept: old ones that are empty", async () => {
  const parent = await mkdtemp(join(tmpdir(), "kgents-groups-"));
  const { startTime } = await identifyProcess();
  const [dead, full, alive, other] = ["4194399-1-ab", "4194399-2-ab", `${process.pid}-${startTime}-ab`, "other"];
  try {
    for (const name of [dead, `${full}/child`, alive, other]) await mkdir(join(parent, name), { recursive: true });
    expect(await sweepGroups([parent])).toBe(0);
    expect(await sweepGroups([parent], Date.now() + 3_600_000)).toBe(1);
    expect((await readdir(parent)).sort()).toEqual([alive, full, other].sort());
  } finally {
    await rm(parent, { recursive: true });
  }
});

test("the supervisor kills everything only where it is the first process of its namespace", () => {
  const plan = {
    ...{ command: ["/bin/true"], environment: {}, ownEnvironment: false, directory: "/work", stdin: false, drop: [] },
    ...{ timeout: 1000, inputs: false, patterns: ["./*"], openFiles: 9, largestFile: 9, ownsNamespace: true },
    session: null,
    fallback: { memory: null, pids: null },
  };
  const kills = supervisorScript(plan)
    .split("\n")
    .filter((line) => line.includes("kill -9 -1"));
  expect(kills).toHaveLength(2);
  for (const line of kills) expect(line).toMatch(/\[ \$\$ -eq 1 \] && (?:kill -USR1 1 && )?kill -9 -1/);
});

test("network rules: this machine's addresses and networks are closed, and another rule is noticed", () => {
  const routes = `Main:
  +-- 0.0.0.0/0 3 0 5
     |-- 0.0.0.0
        /0 link UNICAST
        /1 link UNICAST
     |-- 11.1.2.0
        /24 link UNICAST
     |-- 11.5.0.0
        /16 universe UNICAST
     |-- 10.7.0.0
        /16 link UNICAST
     |-- 11.1.2.255
        /32 link BROADCAST
Local:
     |-- 127.0.0.0
        /8 host LOCAL
     |-- 11.1.2.3
        /32 host LOCAL
`;
  const networks = hostNetworks(routes);
  expect(networks).toEqual(["11.1.2.0/24", "10.7.0.0/16", "127.0.0.0/8", "11.1.2.3"]);
  const rules = outputRules(networks);
  expect(rules).toContain("ip daddr 11.1.2.0/24 reject with icmpx admin-prohibited");
  expect(rules).toContain("ip daddr 11.1.2.3 reject with icmpx admin-prohibited");
  expect(rules).toContain("ip daddr 168.63.129.16 reject with icmpx admin-prohibited");
  expect(rules.filter((rule) => rule.includes("10.7.0.0"))).toEqual([]);
  expect(rules.at(-1)).toBe("accept");
  expect(rulesInForce(rulesScript(rules), rules)).toBe(true);
  expect(rulesInForce("", rules)).toBe(false);
  expect(rulesInForce(rulesScript(rules.filter((rule) => !rule.includes("10.0.0.0/8"))), rules)).toBe(false);
});

const good =
  "Uid:\t5\t5\t5\t5\nGid:\t5\t5\t5\t5\nCapPrm:\t0000000000000000\nCapEff:\t0000000000000000\nCapBnd:\t0000000000000000\nNoNewPrivs:\t1\nSeccomp:\t2\n";
test.each<readonly [string, string, RegExp | undefined]>([
  ["as it must be", good, undefined],
  ["another uid", good.replace("Uid:\t5", "Uid:\t0"), /uid/],
  ["capabilities", good.replace("CapEff:\t0000000000000000", "CapEff:\t000001ffffffffff"), /effective/],
  ["new privileges", good.replace("NoNewPrivs:\t1", "NoNewPrivs:\t0"), /privileges/],
  ["no filter", good.replace("Seccomp:\t2", "Seccomp:\t0"), /filter/],
  ["nothing", "", /uid/],
])("probe: %s", (_name, status, expected) => {
  const judged = judgeProbe(status, 5);
  if (expected) expect(judged).toMatch(expected);
  else expect(judged).toBeUndefined();
});

test.each([
  ["bwrap: setting up uid map: Permission denied", "sandbox-unavailable", "apparmor"],
  ["bwrap: Can't mount proc on /newroot/proc: Operation not permitted", "sandbox-unavailable", "/proc"],
  ["bwrap: Unknown option --size", "sandbox-unavailable", "0.8"],
  ["tar: x: Cannot write: No space left on device", "invalid-request", "disk"],
  ["", "cell-start", "reason"],
])("diagnosis of %j", (text, code, remedy) => {
  expect(sandboxFailure(text)).toMatchObject({ code, remedy: expect.stringContaining(remedy) });
});

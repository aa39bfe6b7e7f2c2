/** What a process inside may not do: isolation.md 8. */
import { readFile } from "node:fs/promises";
import { afterAll, describe, expect, test } from "vitest";
import { processesWith } from "./helpers/leftovers.ts";
import { everyone, startWorker } from "./helpers/worker.ts";

/** Makes a system call by number and prints its errno. */
const call = (body: string): string => `
import ctypes, os, platform
libc = ctypes.CDLL(None, use_errno=True)
x64 = platform.machine() == "x86_64"
def call(number, arm, *arguments):
    result = libc.syscall(number if x64 else arm, *arguments)
    print(ctypes.get_errno() if result < 0 else "done")
${body}
`;

const refused: readonly (readonly [name: string, body: string, errno: string])[] = [
  ["mount", 'call(165, 40, b"none", b"/tmp", b"tmpfs", 0, None)', "1"],
  ["the new mount calls", 'call(430, 430, b"tmpfs", 0)', "1"],
  ["umount", 'call(166, 39, b"/proc", 2)', "1"],
  ["chroot", 'call(161, 51, b"/tmp")', "1"],
  ["pivot_root", 'call(155, 41, b"/tmp", b"/tmp")', "1"],
  ["unshare a user namespace", "call(272, 97, 0x10000000)", "1"],
  ["unshare a time namespace", "call(272, 97, 0x80)", "1"],
  ["clone a user namespace", "call(56, 220, 0x10000000 | 17, 0, 0, 0, 0)", "1"],
  ["clone3", "call(435, 435, 0, 0)", "38"],
  ["setns", "call(308, 268, 0, 0)", "1"],
  ["ptrace", "call(101, 117, 16, 1, 0, 0)", "1"],
  ["process_vm_readv", "call(310, 270, 1, 0, 0, 0, 0, 0)", "1"],
  ["pidfd_getfd", "call(438, 438, 0, 0, 0)", "1"],
  ["bpf", "call(321, 280, 0, 0, 0)", "1"],
  ["perf_event_open", "call(298, 241, 0, 0, 0, 0, 0)", "1"],
  ["userfaultfd", "call(323, 282, 0)", "1"],
  ["io_uring_setup", "call(425, 425, 1, 0)", "1"],
  ["keyctl", "call(250, 219, 0, -3, 0)", "1"],
  ["setting the clock", "call(227, 112, 0, 0)", "1"],
  ["reboot", "call(169, 142, 0, 0, 0, 0)", "1"],
  ["kexec_load", "call(246, 104, 0, 0, 0, 0)", "1"],
  ["TIOCSTI", 'call(16, 29, 0, 0x5412, b"x")', "1"],
  ["TIOCSTI with high bits set", 'call(16, 29, 0, ctypes.c_ulong(0x100005412), b"x")', "1"],
  ["AF_VSOCK", "call(41, 198, 40, 1, 0)", "97"],
  ["AF_ALG", "call(41, 198, 38, 5, 0)", "97"],
  ["AF_PACKET", "call(41, 198, 17, 3, 0)", "97"],
  ["setuid 0", "call(105, 146, 0)", "1|22"],
  ["setgroups", "call(116, 159, 0, 0)", "1"],
  [
    "a device",
    'call(133 if x64 else 33, 33, *((b"/tmp/d", 0o20666, 0x101) if x64 else (-100, b"/tmp/d", 0o20666, 0x101)))',
    "1",
  ],
];

const files: readonly (readonly [name: string, code: string])[] = [
  ["/ is read-only", "touch /x"],
  ["/usr is read-only", "touch /usr/x"],
  ["/etc is read-only", "echo x >>/etc/passwd"],
  ["/dev is read-only", "touch /dev/x"],
  ["our files are read-only", "echo x >>/.kgents/run"],
  ["/proc/sys", "echo x >/proc/sys/kernel/hostname"],
  ["/proc/sysrq-trigger", "echo b >/proc/sysrq-trigger"],
  ["/proc/kcore", "head -c1 /proc/kcore"],
  ["kernel messages", "dmesg"],
  ["release_agent: no control group is there", "mkdir /tmp/c && mount -t cgroup none /tmp/c"],
  ["unshare", "unshare -U true"],
  ["nsenter", "nsenter -t 1 -m true"],
  ["remount", "mount -o remount,rw /"],
  ["su", "su -c true </dev/null"],
];

describe.each(everyone)("privilege, as %s", (who) => {
  const started = startWorker(who);
  afterAll(async () => (await started).close());

  test("what the kernel says of a process inside", async () => {
    const { stdout } = await (await started).run({ code: "cat /proc/self/status", language: "sh" });
    const status = stdout.toString();
    expect(status).toMatch(/^NoNewPrivs:\t1$/m);
    expect(status).toMatch(/^Seccomp:\t2$/m);
    for (const set of ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"]) {
      expect(status).toMatch(new RegExp(`^${set}:\t0{16}$`, "m"));
    }
    expect(status).not.toMatch(/^Uid:\t.*\b0\b/m);
    expect(status).toMatch(/^Groups:\t\s*(?:65534 ?)*$/m);
  });

  test("the uid on this machine is not 0, and each run as root has its own", async () => {
    const worker = await started;
    const running = ["87651", "87652"].map((time) =>
      worker.run({ code: `exec sleep ${time}`, language: "sh", timeout: 3 }),
    );
    const uids: number[] = [];
    for (const time of ["87651", "87652"]) {
      let pids: number[] = [];
      while (pids.length === 0) pids = await processesWith(`sleep ${time}`);
      const status = await readFile(`/proc/${pids[0]}/status`, "utf8");
      uids.push(Number(/^Uid:\t(\d+)/m.exec(status)?.[1]));
      const root = await readFile(`/proc/${pids[0]}/uid_map`, "utf8");
      expect(root.trim().split(/\s+/)[2]).toBe(who === "root" ? "4294967295" : "1");
    }
    expect(uids.every((uid) => uid > 0)).toBe(true);
    if (who === "root") expect(new Set(uids).size).toBe(2);
    await Promise.all(running);
  });

  test.each(refused)("%s is refused", async (_name, body, errno) => {
    const { stdout } = await (await started).run({ code: call(body), cpu: 1 });
    expect(stdout.toString()).toMatch(new RegExp(`^(?:${errno})\n$`));
  });

  test("a foreign system call interface ends the process", async () => {
    if (process.arch !== "x64") return;
    const { outcome } = await (await started).run({ code: call("call(0x40000000 + 39, 0)"), cpu: 1 });
    expect(outcome?.exit?.signal).toBe("SIGSYS");
  });

  test.each(files)("%s", async (_name, code) => {
    const { outcome } = await (await started).run({ code, language: "bash", cpu: 1 });
    expect(outcome?.exit?.code).toBeGreaterThan(0);
  });

  test("set-user-id programs give nothing", async () => {
    const code =
      "for p in /usr/bin/su /usr/bin/passwd /usr/bin/mount; do [ -u $p ] && { cp $p /tmp/p; chmod u+s /tmp/p; }; done; id -u";
    const { stdout } = await (await started).run({ code, language: "sh" });
    expect(stdout.toString().trim()).not.toBe("0");
  });
});

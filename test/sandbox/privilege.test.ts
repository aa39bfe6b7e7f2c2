/** What a process inside may not do: isolation.md 8. */
import { readFile } from "node:fs/promises";
import { afterAll, describe, expect, test } from "vitest";
import { refusedCalls, systemCall } from "../support/system-calls.ts";
import { processesWith } from "./helpers/leftovers.ts";
import { everyone, startWorker } from "./helpers/worker.ts";

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

  test("a user and a group with names, and /tmp as it is everywhere", async () => {
    const code =
      "id -un; id -gn; stat -c %a /tmp /dev/shm; python3 -c 'import grp, os; print(grp.getgrgid(os.getgid())[0])'";
    const { stdout } = await (await started).run({ code, language: "sh", cpu: 1 });
    expect(stdout.toString()).toBe("kgents\nkgents\n1777\n1777\nkgents\n");
  });

  test("no file of the cell depends on the worker's umask", async () => {
    const worker = await startWorker(who, { prefix: ["/bin/sh", "-c", 'umask 077; exec "$@"', "sh"] });
    try {
      const code = `
import os, socket
print(socket.gethostbyname("localhost"))
for top in ("/etc", "/.kgents", "/work", "/tmp"):
    for folder, _, names in os.walk(top, onerror=print):
        for name in names:
            path = os.path.join(folder, name)
            if os.path.exists(path) and not os.access(path, os.R_OK) and path != "/.kgents/sh": print(path)
`;
      const { stdout, stderr } = await worker.run({ code, cpu: 1 });
      expect(stdout.toString() + stderr.toString()).toBe("127.0.0.1\n");
    } finally {
      await worker.close();
    }
  });

  test("the supervisor cannot be read or written, nor can its descriptors", async () => {
    const code = `
import os
for path in ("/proc/1/mem", "/proc/1/fd/3", "/proc/1/environ", "/.kgents/sh"):
    try:
        print(path, os.open(path, os.O_RDONLY))
    except OSError as error:
        pass
`;
    const { stdout, outcome } = await (await started).run({ code, cpu: 1 });
    expect(outcome?.exit?.code).toBe(0);
    expect(stdout.toString()).toBe("");
  });

  test.each(refusedCalls)("$name is refused", async ({ body, errno }) => {
    const { stdout } = await (await started).run({ code: systemCall(body), cpu: 1 });
    expect(errno.split("|")).toContain(stdout.toString().trim());
  });

  test("a foreign system call interface ends the process", async () => {
    if (process.arch !== "x64") return;
    const { outcome } = await (await started).run({ code: systemCall("call(0x40000000 + 39, 0)"), cpu: 1 });
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

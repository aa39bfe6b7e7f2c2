/** What systemd's user manager provides to an ordinary user's worker, and what works without it. */
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { groupsOf } from "../sandbox/helpers/leftovers.ts";
import { startWorker } from "../sandbox/helpers/worker.ts";

/** The cgroup of a process, as a path below the hierarchy's mount point. */
async function groupOf(pid: number | undefined): Promise<string> {
  const membership = await readFile(`/proc/${pid}/cgroup`, "utf8");
  return /^0::(.*)$/m.exec(membership)?.[1] ?? "";
}

test("the worker moves to a scope of its own, which goes when it does", async () => {
  const worker = await startWorker("user");
  const before = await groupOf(worker.process.pid);
  expect(before).not.toContain("kgents");
  const { isolation } = await worker.status();
  expect(isolation?.memory.by).toContain("cgroup v2");
  const after = await groupOf(worker.process.pid);
  expect(after).toMatch(
    /^\/user\.slice\/user-\d+\.slice\/user@\d+\.service\/.*kgents-worker-\d+-\w+\.scope\/kgents-worker$/,
  );
  // Only the worker has moved; the test process has not.
  expect(await groupOf(process.pid)).toBe(before);
  const scope = join("/sys/fs/cgroup", after, "..");
  expect(existsSync(scope)).toBe(true);
  await worker.crash();
  for (const deadline = Date.now() + 20_000; existsSync(scope) && Date.now() < deadline; ) await sleep(100);
  expect(existsSync(scope)).toBe(false);
  await worker.close();
});

test("code that is cancelled leaves no group", async () => {
  const worker = await startWorker("user");
  const code = "for i in 1 2 3; do setsid sleep 600 & done; sleep 600";
  const { outcome } = await worker.run({ code, language: "sh" }, { stopAfter: 3000 });
  expect(outcome?.exit?.code).not.toBe(0);
  // One launcher waits for the next run. Its cgroup is the only one.
  expect((await groupsOf(worker.process.pid)).length).toBeLessThanOrEqual(1);
  await worker.close();
});

test("without an answer of the manager, rlimits, and that is said", async () => {
  const worker = await startWorker("user", {
    environment: { XDG_RUNTIME_DIR: "/nonexistent", DBUS_SESSION_BUS_ADDRESS: "unix:path=/nonexistent/bus" },
  });
  const { isolation } = await worker.status();
  expect(isolation?.cpu).toMatchObject({ enforced: false });
  expect(isolation?.memory.by).toContain("RLIMIT_AS");
  expect(await groupOf(worker.process.pid)).not.toContain("kgents");
  const { outcome } = await worker.run({ code: "true", language: "sh" });
  expect(outcome?.exit?.code).toBe(0);
  await worker.close();
});

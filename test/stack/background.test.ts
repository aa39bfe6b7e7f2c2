/** Background processes that could no longer be found. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startInBackground } from "#client/stack/background-process";
import { identifyProcess, isRunning, type ProcessIdentity } from "#platform/host/process-identity";
import { workerFiles, writeWorkerIdentity } from "#platform/host/worker-files";
import { watchIdentity } from "#worker/watch-identity";
import { freePort } from "../support/dev-server.ts";

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "kgents-background-"));
});
afterAll(() => rm(directory, { recursive: true }));

test("one that cannot be written down is ended", async () => {
  let started: ProcessIdentity | undefined;
  const start = startInBackground("/bin/sleep", ["624.5"], {
    log: join(directory, "log"),
    environment: {},
    record: (identity) => {
      started = identity;
      throw new Error("no space");
    },
  });
  await expect(start).rejects.toThrow("no space");
  expect(started).toBeDefined();
  expect(await isRunning(started ?? { pid: 0, startTime: "" })).toBe(false);
});

/** The settings of a worker of this process. */
function surroundings(name: string, ownServer?: string) {
  const files = workerFiles(join(directory, name));
  const reason = new Promise<string>((resolve) => watchIdentity({ files, ownServer }, resolve));
  const identify = async (identity: ProcessIdentity): Promise<void> => {
    const hashes = { buildHash: "", kubeconfigHash: "", pathHash: "", configHash: "" };
    const about = { taskQueue: "", address: "", startedAt: "" };
    await writeWorkerIdentity(files, { ...identity, ...hashes, ...about });
  };
  return { files, reason, identify };
}

test.each(["no file", "another worker's file", "a directory"])("a worker ends where it finds %s", async (what) => {
  const { files, reason, identify } = surroundings(what);
  if (what === "another worker's file") await identify({ pid: 1, startTime: "" });
  if (what === "a directory") await mkdir(files.identity, { recursive: true });
  expect(await reason).toBe(`${files.identity} was removed or names another worker`);
});

const listener = `
import socket, sys, time
door = socket.create_server(("127.0.0.1", int(sys.argv[1])))
print("listens", flush=True)
time.sleep(600)
`;

// Only root can change the user id.
test.runIf(process.getuid?.() === 0)("a worker ends where another user listens in its server's place", async () => {
  const port = await freePort();
  const { reason, identify } = surroundings("listener", `127.0.0.1:${port}`);
  await identify(await identifyProcess());
  const other = spawn("python3", ["-c", listener, String(port)], { uid: 54_321, gid: 54_321, cwd: "/" });
  try {
    await once(other.stdout, "data");
    expect(await reason).toContain("belongs to another user of this machine (uid 54321)");
  } finally {
    other.kill();
  }
});

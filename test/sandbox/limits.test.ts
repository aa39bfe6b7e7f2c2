/** Each limit, one by one, in both modes. */
import { afterAll, describe, expect, test } from "vitest";
import { processesWith } from "./helpers/leftovers.ts";
import { everyone, startWorker, type Who } from "./helpers/worker.ts";

const mebibyte = 2 ** 20;

/** Fills a file until an error, and prints the number of MiB written. */
const fill = (path: string): string => `
n = 0
try:
    with open(${JSON.stringify(path)}, "wb", buffering=0) as f:
        while True:
            n += f.write(b"x" * 65536)
except OSError as e:
    print(e.errno, n // 1048576)
`;

/** Allocates kernel memory of one kind up to 400 MiB or an error, and prints the number of MiB. */
const floods = `
import os, resource, socket, sys
resource.setrlimit(resource.RLIMIT_NOFILE, (1024, 1024))
taken = 0
kept = []
def fill(write, piece):
    global taken
    try:
        while taken < 400 << 20: taken += write(piece)
    except OSError:
        pass
def report():
    print(taken >> 20, flush=True)
`;
const kernelMemory: Readonly<Record<string, string>> = {
  "TCP connections": `
server = socket.create_server(("127.0.0.1", 0), backlog=500)
for _ in range(200):
    client = socket.create_connection(server.getsockname(), 2)
    peer, _ = server.accept()
    for one in (client, peer):
        one.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 8 << 20)
        one.setblocking(False)
        fill(one.send, b"x" * 65536)
    kept += [client, peer]
    report()
`,
  "UNIX sockets": `
for _ in range(200):
    one, other = socket.socketpair()
    for end in (one, other):
        end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 8 << 20)
        end.setblocking(False)
        fill(end.send, b"x" * 65536)
    kept += [one, other]
report()
`,
  pipes: `
for _ in range(400):
    read, write = os.pipe()
    os.set_blocking(write, False)
    fill(lambda piece: os.write(write, piece), b"x" * 65536)
report()
`,
  "directory entries": `
try:
    for n in range(400_000):
        os.mkdir("/tmp/%d" % n)
        taken += 1024
except OSError:
    pass
report()
`,
};

/** An ordinary user has cgroups only with a systemd user manager, which test/machine declares. */
const hasGroups = (who: Who): boolean => who === "root" || process.env.KGENTS_TEST_USER_GROUPS === "yes";

describe.each(everyone)("limits, as %s", (who: Who) => {
  const started = startWorker(who);
  afterAll(async () => (await started).close());

  test("memory, one process", async () => {
    const worker = await started;
    const code = "x = []\nwhile True: x.append(bytearray(1 << 20))";
    const { outcome } = await worker.run({ code, memory: "64Mi", disk: "8Mi", cpu: 2 });
    // Without a cgroup, an ordinary user has RLIMIT_AS, which Python reports as MemoryError.
    if (hasGroups(who)) expect(outcome).toMatchObject({ outOfMemory: true, exit: { code: 137, signal: "SIGKILL" } });
    else expect(outcome).toMatchObject({ outOfMemory: false, exit: { code: 1 } });
  });

  if (hasGroups(who))
    test("memory, many processes together", async () => {
      const worker = await started;
      const code = `
import os, time
for _ in range(20):
    if os.fork() == 0:
        x = bytearray(16 << 20)
        time.sleep(5)
        os._exit(0)
codes = [os.wait()[1] for _ in range(20)]
raise SystemExit(1 if any(codes) else 0)
`;
      const { outcome } = await worker.run({ code, memory: "64Mi", disk: "8Mi", cpu: 2 });
      expect(outcome).toMatchObject({ outOfMemory: true });
      expect(outcome?.usage.peakMemoryBytes).toBeLessThanOrEqual((64 + 3 * 8) * mebibyte);
    });

  if (hasGroups(who))
    test.each<readonly [string, string]>([
      [
        "of a child",
        "import os, time\nif os.fork() == 0:\n    x = bytearray(300 << 20)\n    time.sleep(20)\n    os._exit(0)\nraise SystemExit(os.wait()[1] != 0)",
      ],
      [
        "that processes share",
        "import mmap, time\nx = mmap.mmap(-1, 300 << 20)\nfor at in range(0, 300 << 20, 4096): x[at] = 1\ntime.sleep(20)",
      ],
    ])("memory %s takes nothing of what is for files", async (_name, code) => {
      const { outcome } = await (await started).run({ code, memory: "128Mi", disk: "100Mi", cpu: 2, timeout: 30 });
      expect(outcome).toMatchObject({ outOfMemory: true, stopped: null });
      expect(outcome?.exit?.code).toBeGreaterThan(0);
    });

  if (hasGroups(who))
    test.each(Object.entries(kernelMemory))("kernel memory for %s is bounded", async (_kind, code) => {
      const { outcome, stdout } = await (await started).run({
        ...{ code: `${floods}${code}`, memory: "64Mi", disk: "8Mi", cpu: 2, timeout: 20 },
      });
      // What the cgroup does not count, the code could not allocate; what it counts is within the limit.
      const mebibytes = Number(stdout.toString().trim().split("\n").at(-1));
      expect(outcome?.outOfMemory || mebibytes < 150).toBe(true);
      expect(outcome?.usage.peakMemoryBytes).toBeLessThanOrEqual((64 + 3 * 8) * mebibyte);
      expect(outcome?.exit).not.toBeNull();
    });

  if (hasGroups(who))
    test("memory for files is not the code's", async () => {
      const worker = await started;
      const code = fill("/work/a") + fill("/tmp/b") + fill("/dev/shm/c");
      const { outcome, stdout } = await worker.run({ code, memory: "32Mi", disk: "48Mi", cpu: 2 });
      expect(stdout.toString()).toMatch(/^(?:2[78] 4[78]\n){3}$/);
      expect(outcome).toMatchObject({ outOfMemory: false, exit: { code: 0 } });
    });

  test("processes", async () => {
    const worker = await started;
    const code = `
import os, time
n = 0
try:
    while n < 1000:
        if os.fork() == 0:
            time.sleep(20)
            os._exit(0)
        n += 1
except OSError as e:
    print(e.errno, n < 128, n > 50)
`;
    const { outcome, stdout } = await worker.run({ code, cpu: 2, memory: "512Mi", outputs: ["none"] });
    expect(stdout.toString()).toBe("11 True True\n");
    expect(outcome?.exit?.code).toBe(0);
  });

  test("a fork bomb ends at the time limit, and its output files still come", async () => {
    const worker = await started;
    const code = "echo kept >kept.txt\nbomb() { bomb | bomb & }\nbomb 2>/dev/null\nsleep 1\nexit 0";
    const result = await worker.run({ code, language: "bash", cpu: 1, timeout: 20, outputs: ["kept.txt"] });
    expect(result.outcome?.lost).toBeNull();
    expect(result.files["kept.txt"]?.toString()).toBe("kept\n");
  });

  test.each(["/work/a", "/tmp/a", "/dev/shm/a"])("disk in %s", async (path) => {
    const worker = await started;
    const { stdout } = await worker.run({ code: fill(path), disk: "8Mi", cpu: 2 });
    expect(stdout.toString()).toMatch(/^(?:27|28) [78]\n$/);
  });

  test("a sparse file of 1 PiB", async () => {
    const worker = await started;
    const { stdout } = await worker.run({
      code: "import os\ntry:\n    os.truncate(os.open('a', os.O_CREAT | os.O_RDWR), 1 << 50)\nexcept OSError as e:\n    print(e.errno)",
      outputs: ["a"],
    });
    expect(stdout.toString()).toBe("27\n");
  });

  test("open files", async () => {
    const worker = await started;
    const { stdout } = await worker.run({
      code: "import os\nn = 0\ntry:\n    while True: os.open('/dev/null', 0); n += 1\nexcept OSError as e:\n    print(e.errno, n)",
    });
    expect(stdout.toString()).toMatch(/^24 10(?:19|20|21)\n$/);
  });

  if (hasGroups(who))
    test("cpu", async () => {
      const worker = await started;
      const code = "import time\nend = time.time() + 3\nwhile time.time() < end: pass\nprint(time.process_time())";
      const { outcome, stdout } = await worker.run({ code, cpu: "200m" });
      expect(Number(stdout.toString())).toBeLessThan(1.2);
      expect(outcome?.usage.cpuSeconds).toBeLessThan(1.4);
      expect(outcome?.usage.cpuSeconds).toBeGreaterThan(0.3);
    });

  test("the time limit holds while the worker stands still", async () => {
    const worker = await startWorker(who);
    const seconds = who === "root" ? "65431" : "65432";
    const { pid } = worker.process;
    if (pid === undefined) throw new Error("the worker has no process");
    try {
      const running = worker.run({ code: `exec sleep ${seconds}`, language: "sh", timeout: 2, cpu: 1 });
      await expect.poll(() => processesWith(`sleep ${seconds}`)).not.toEqual([]);
      process.kill(pid, "SIGSTOP");
      await expect.poll(() => processesWith(`sleep ${seconds}`)).toEqual([]);
      process.kill(pid, "SIGCONT");
      const { outcome } = await running;
      expect(outcome).toMatchObject({ stopped: { reason: "timed-out" }, exit: { signal: "SIGKILL" }, lost: null });
    } finally {
      await worker.close();
    }
  });

  test("a child that keeps stdin does not keep the run", async () => {
    const code = 'import subprocess\nsubprocess.Popen(["sleep", "60"])';
    const { outcome } = await (await started).run({ code, stdin: "x".repeat(500_000), timeout: 20, cpu: 1 });
    expect(outcome).toMatchObject({ exit: { code: 0, signal: null }, stopped: null });
    expect(outcome?.ranMilliseconds).toBeLessThan(20_000);
  });

  test("code that does not fit the disk is refused before it starts", async () => {
    const worker = await started;
    const { error } = await worker.run({
      code: "x",
      disk: "1Mi",
      files: [
        { name: "a", content: "y".repeat(1_000_000) },
        { name: "b", content: { base64: "" } },
      ],
    });
    expect(error).toBeNull();
    const refused = await worker.run({
      code: "x",
      disk: "1Mi",
      files: [{ name: "a", content: { artifact: "0".repeat(64), bytes: 2_000_000 } }],
    });
    expect(refused.error).toMatchObject({ code: "invalid-request" });
    expect(refused.error?.message).toContain("disk");
  });

  test("what is not enforced is said", async () => {
    const worker = await started;
    const { isolation } = await worker.status();
    expect(isolation?.level).toBe("sandbox");
    expect(isolation?.cpu.enforced).toBe(hasGroups(who));
    expect(isolation?.memory.by).toContain(hasGroups(who) ? "cgroup" : "RLIMIT_AS");
    expect(isolation?.pids.enforced).toBe(true);
  });
});

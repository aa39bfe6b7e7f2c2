/** Every hardening setting of a cell, checked from inside and in the cluster's objects. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parse } from "yaml";
import { builtInLanguages } from "#core/contract/language";
import { defaultUserIds } from "#core/manifest/cell-user";
import type { Job } from "#core/manifest/job-types";
import { type CommandLine, createCommandLine } from "../support/command-line.ts";
import { allCalls, refusedCalls } from "../support/system-calls.ts";
import { cluster, useClusterWorker } from "./support.ts";

const here = useClusterWorker();

/** Runs Python that prints one JSON value. */
async function look<Value>(code: string, more: object = {}): Promise<Value> {
  const { status, stdout, stderr } = await here.worker.run({ code, cpu: 1, ttl: 1, ...more });
  expect({ status, stderr: stderr.text }).toEqual({ status: "succeeded", stderr: "" });
  return JSON.parse(stdout.text);
}

test("identity and privileges", async () => {
  const status = await look<Record<string, string>>(`
import json
lines = open("/proc/self/status").read().splitlines()
print(json.dumps({name: " ".join(rest.split()) for name, _, rest in (line.partition(":") for line in lines)}))`);
  const [id = ""] = status.Uid?.split(" ") ?? [];
  expect(Number(id)).toBeGreaterThanOrEqual(defaultUserIds.first);
  expect(Number(id)).toBeLessThan(defaultUserIds.first + defaultUserIds.count);
  const ids = Array(4).fill(id).join(" ");
  expect(status).toMatchObject({ Uid: ids, Gid: ids, Groups: id, NoNewPrivs: "1", Seccomp: "2" });
  for (const set of ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"]) expect(status[set], set).toBe("0".repeat(16));
});

test("its user and group have names, and its temporary directory is one that Ruby trusts", async () => {
  const found = await look<unknown>(`
import grp, json, os, pwd, tempfile
user, group = pwd.getpwuid(os.getuid()), grp.getgrgid(os.getgid())
mode = lambda path: oct(os.stat(path).st_mode)
print(json.dumps([user.pw_name, user.pw_dir, group.gr_name, os.popen("id -un; id -gn").read(), pwd.getpwuid(0).pw_name,
  tempfile.gettempdir(), mode(tempfile.gettempdir()), mode("/tmp"), mode("/work")]))`);
  expect(found).toEqual([
    ...["kgents", "/work", "kgents", "kgents\nkgents\n", "root", "/tmp/kgents"],
    ...["0o41777", "0o40777", "0o40777"],
  ]);
});

test("the environment is what is documented, whatever services there are", async () => {
  await here.namespace.apply({
    apiVersion: "v1",
    kind: "Service",
    metadata: { name: "neighbour" },
    spec: { ports: [{ port: 80 }], selector: { app: "none" } },
  });
  const code = "import json, os\nprint(json.dumps(dict(os.environ)))";
  const environment = await look<Record<string, string>>(code, { env: { MINE: "1" } });
  expect(environment).toEqual({
    PATH: "/usr/local/bin:/usr/bin:/bin",
    ...{
      HOME: "/work",
      LANG: "C.UTF-8",
      TMPDIR: "/tmp/kgents",
      USER: "kgents",
      PYTHONDONTWRITEBYTECODE: "1",
      PYTHONUNBUFFERED: "1",
      MINE: "1",
    },
  });
});

test("PID 1's environment is no way around it, and there is no token", async () => {
  const found = await look<{ names: string[]; token: boolean; mounts: string }>(`
import json, os
names = [entry.partition(b"=")[0].decode() for entry in open("/proc/1/environ", "rb").read().split(b"\\0") if entry]
token = any(os.path.exists(path) for path in ("/var/run/secrets", "/run/secrets"))
print(json.dumps({"names": names, "token": token, "mounts": open("/proc/self/mountinfo").read()}))`);
  // The container runtime sets HOSTNAME and Kubernetes sets KUBERNETES_*; they hold only a host name and addresses.
  expect(found.names.filter((name) => !["PATH", "HOSTNAME", "HOME"].includes(name))).toEqual(
    found.names.filter((name) => name.startsWith("KUBERNETES_")),
  );
  expect(found.token).toBe(false);
  expect(found.mounts).not.toMatch(/secret|serviceaccount/i);
});

test("only its own directories can be written", async () => {
  const writable = await look<string[]>(`
import json, os
found = []
for path, directories, files in os.walk("/"):
    if path in ("/proc", "/sys"):
        directories.clear()
        continue
    for name in [path, *(os.path.join(path, file) for file in files)]:
        if not os.path.islink(name) and os.access(name, os.W_OK): found.append(name)
print(json.dumps(found))`);
  const devices = /^\/dev\/(null|zero|full|random|urandom|tty|ptmx|pts\/ptmx|shm|mqueue|termination-log)$/;
  expect(writable.filter((path) => !devices.test(path) && !/^\/(work|tmp|run\/kgents)(\/|$)/.test(path))).toEqual([]);
  expect(writable).toEqual(expect.arrayContaining(["/work", "/tmp"]));
});

const refusedWrites = [
  ...["/x", "/usr/x", "/etc/x", "/var/x", "/root/x", "/etc/passwd", "/etc/hosts", "/etc/resolv.conf", "/bin/sh"],
  ...["/proc/sys/kernel/hostname", "/proc/sysrq-trigger", "/sys/kernel/profiling", "/proc/1/mem", "/dev/x"],
  ...["/sys/fs/cgroup/release_agent", "/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory.max"],
];

test("writes elsewhere are refused", async () => {
  const done = await look<string[]>(`
import json
def write(path):
    try:
        with open(path, "ab", buffering=0) as file: file.write(b"1")
        return True
    except OSError: return False
print(json.dumps([path for path in ${JSON.stringify(refusedWrites)} if write(path)]))`);
  expect(done).toEqual([]);
});

test.each([
  { memory: "64Mi", cpu: "200m", expected: { memory: 64 * 2 ** 20, swap: 0, cpu: 0.2 } },
  { memory: "160Mi", cpu: "1500m", expected: { memory: 160 * 2 ** 20, swap: 0, cpu: 1.5 } },
])("limits as asked for: $memory, $cpu", async ({ memory, cpu, expected }) => {
  const limits = await look(
    `
import json, os
group = "/sys/fs/cgroup/"
def read(name): return open(group + name).read().split()
if os.path.exists(group + "memory.max"):
    quota, period = read("cpu.max")
    limits = {"memory": int(read("memory.max")[0]), "swap": int(read("memory.swap.max")[0]), "cpu": int(quota) / int(period)}
else:
    quota, period = (int(read("cpu/cpu.cfs_" + name + "_us")[0]) for name in ("quota", "period"))
    both = int(read("memory/memory.memsw.limit_in_bytes")[0])
    memory = int(read("memory/memory.limit_in_bytes")[0])
    limits = {"memory": memory, "swap": both - memory, "cpu": quota / period}
print(json.dumps(limits))`,
    { memory, cpu },
  );
  expect(limits).toEqual(expected);
});

test("no processes but the cell's own, and no network devices of the node", async () => {
  const found = await look<{ first: string; parents: string[]; devices: string[] }>(`
import json, os
pids = [int(name) for name in os.listdir("/proc") if name.isdigit()]
def parent(pid):
    try: return open(f"/proc/{pid}/status").read().partition("PPid:\\t")[2].split()[0]
    except OSError: return "1"
first = open("/proc/1/cmdline").read().split("\\0")[0]
devices = sorted(line.split(":")[0].strip() for line in open("/proc/net/dev").read().splitlines()[2:])
print(json.dumps({"first": first, "parents": sorted({parent(pid) for pid in pids}), "devices": devices}))`);
  expect(found.first).toBe("sh");
  // 0: the supervisor and processes started by exec.
  expect(found.parents).toEqual(expect.arrayContaining(["0", "1"]));
  expect(found.devices.filter((name) => name === "eth0" || name === "lo")).toEqual(["eth0", "lo"]);
});

test("system calls that reach out of the cell are refused", async () => {
  const answers = await look<Record<string, string>>(allCalls(refusedCalls.filter(({ name }) => name !== "ptrace")));
  for (const { name, errno, inPod } of refusedCalls) {
    if (name !== "ptrace") expect((inPod?.errno ?? errno).split("|"), name).toContain(answers[name]);
  }
});

describe("seen from outside", () => {
  test("the request's secrets stand neither in the Job nor in its pod", async () => {
    const secret = "s3cret-of-the-request";
    const handle = await here.worker.start({
      code: `import time\nprint("there", flush=True)\ntime.sleep(60) # ${secret}`,
      ...{ args: [secret], env: { TOKEN: secret }, stdin: secret, cpu: 1 },
      files: [{ name: "secret.txt", content: secret }],
    });
    for await (const event of handle.output()) if (event.type === "output") break;
    const objects = await here.namespace.kubectl("get", "jobs,pods,events,configmaps,secrets", "-o", "yaml");
    expect(objects).toContain("kgents.io/code-hash");
    expect(objects).not.toContain(secret);
    await handle.cancel();
    expect((await handle.result()).status).toBe("cancelled");
  });

  test("the namespace refuses a pod that is not hardened", async () => {
    const { code, stderr } = await cluster.kubectl(
      ["-n", here.namespace.name, "run", "bad", "--image=busybox:1.37", "--restart=Never"],
      {},
    );
    expect(code).not.toBe(0);
    expect(stderr).toMatch(/violates PodSecurity "restricted/);
  });
});

describe("the manifest", () => {
  let terminal: CommandLine;
  beforeAll(async () => {
    terminal = await createCommandLine({ environment: { KGENTS_TEMPORAL_CLI: "/nonexistent" } });
  });
  afterAll(() => terminal[Symbol.asyncDispose]());

  /** The output of `kgents exec --dry-run` for this test's namespace. */
  async function dryRun(...flags: string[]): Promise<string> {
    const { code, stdout, stderr } = await terminal.run(["exec", "--dry-run", "--code", "print(1)", ...flags]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    return stdout.replace("namespace: kgents-ephemeral", `namespace: ${here.namespace.name}`);
  }
  const serverSide = (yaml: string) =>
    cluster.kubectl(["apply", "--dry-run=server", "-o", "json", "-f", "-"], { input: yaml });

  test.each(builtInLanguages.map(({ name }) => name))("a dry run of %s is what the server takes", async (language) => {
    const { code, stderr } = await serverSide(await dryRun("--lang", language));
    // A pod that violates the namespace's level only causes a warning when a Job is applied.
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  });

  test("a run's Job is what its dry run shows, but for names, labels and annotations", async () => {
    const limits = { cpu: "300m", memory: "96Mi", timeout: 20, startupTimeout: 90, ttl: 5 };
    const handle = await here.worker.start({ code: "print(1)", ...limits });
    await handle.result();
    const { items } = JSON.parse(await here.namespace.kubectl("get", "jobs", "-o", "json"));
    const created = items.filter(({ metadata }: Job) => metadata.annotations["kgents.io/workflow-id"] === handle.id);
    const flags = ["--cpu", "300m", "--memory", "96Mi", "--timeout", "20", "--startup-timeout", "90", "--ttl", "5"];
    const { stdout } = await serverSide(await dryRun(...flags));
    // Without the fields that the Job controller adds, which name this Job.
    const plain = ({ spec, metadata }: Job) => {
      const { selector: _, template, ...rest } = JSON.parse(JSON.stringify(spec));
      // Each run has its own uid.
      Object.assign(template.spec.securityContext, { runAsUser: 1, runAsGroup: 1 });
      return { ...rest, pod: template.spec, hash: metadata.annotations["kgents.io/code-hash"] };
    };
    expect(created.map(plain)).toEqual([plain(JSON.parse(stdout))]);
    expect(parse(await dryRun(...flags)).spec.template.spec.containers).toHaveLength(1);
  });
});

describe("images", () => {
  test("another one that has a shell and tar", async () => {
    const result = await here.worker.run({
      code: "cat /etc/debian_version >file; echo ran",
      ...{ language: "sh", image: "bash:5.3", outputs: ["file"], cpu: 1, ttl: 1 },
    });
    expect(result).toMatchObject({ status: "succeeded", stdout: { text: "ran\n" }, files: [{ name: "file" }] });
  });

  test.each(["kgents-test/pause:1", "kgents-test/tools:1"])("one without a shell fails at once: %s", async (image) => {
    const began = performance.now();
    await expect(here.worker.run({ code: "echo no", language: "sh", image })).rejects.toMatchObject({
      code: "cell-start",
      message: expect.stringContaining(`"sh": executable file not found`),
    });
    expect(performance.now() - began).toBeLessThan(15_000);
  });
});

test("nothing is left", async () => {
  await expect.poll(() => here.namespace.left(), { timeout: 90_000, interval: 1000 }).toEqual([]);
});

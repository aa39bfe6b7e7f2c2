/** Workers in the cluster, from deploy/workers and the Dockerfile's image, on the production server and the bucket. */
import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { cluster, kubectl, node } from "../../kubernetes/support.ts";
import { root } from "../compose-file.ts";
import { expectAllWell, patient, startHeldRuns, startRuns } from "./runs.ts";
import { type WorkersScene, workersScene } from "./scene.ts";
import { followersOf, setCurrentVersion } from "./temporal.ts";

let scene: WorkersScene;
beforeAll(async () => {
  scene = await workersScene();
}, 600_000);
// Deleting namespaces with workers and cells takes time.
afterAll(() => scene?.[Symbol.asyncDispose](), 400_000);

test("a run goes to a Job by a pod's service account, and its output comes by the bucket, byte for byte", async () => {
  const id = `run-${randomUUID()}`;
  const code = "import sys; sys.stdout.write('0123456789' * 300_000)";
  const exec = ["exec", "--quiet", "--cpu", "1", "--id", id, "--code", code];
  const { code: exit, bytes, stderr } = await scene.client.run(exec);
  expect({ exit, stderr }).toEqual({ exit: 0, stderr: "" });
  expect(bytes.equals(Buffer.from("0123456789".repeat(300_000)))).toBe(true);
  const shown = JSON.parse((await scene.client.run(["show", "--json", id])).stdout);
  expect(shown).toMatchObject({ result: { backend: "kubernetes", isolation: { network: { enforced: true } } } });
});

test("doctor finds the workers, the bucket and the cluster", async () => {
  const { code, stdout } = await scene.client.run(["doctor"]);
  expect(stdout).toMatch(/^ok +Artifacts +in the bucket kgents-artifacts$/m);
  expect(code, stdout).toBe(0);
});

describe("the rights of a worker's pod", () => {
  const account = "system:serviceaccount:kgents:kgents-worker";
  const may = async (verb: string, what: string, namespace: string): Promise<boolean> => {
    const [resource = "", subresource = ""] = what.split("/");
    const asked = ["auth", "can-i", verb, resource, `--subresource=${subresource}`, "-n", namespace, "--as", account];
    return (await cluster.kubectl(asked)).code === 0;
  };

  test.each([
    ["create", "jobs.batch", "kgents-ephemeral"],
    ["create", "pods/exec", "kgents-ephemeral"],
    ["watch", "pods", "kgents-ephemeral"],
  ])("it may %s %s in %s", async (...what) => expect(await may(...what)).toBe(true));

  test.each([
    ["create", "pods", "kgents-ephemeral"],
    ["get", "secrets", "kgents-ephemeral"],
    ["get", "secrets", "kgents"],
    ["get", "configmaps", "kgents"],
    ["get", "pods", "kgents"],
    ["create", "pods/exec", "kgents"],
    ["create", "jobs.batch", "kgents"],
    ["list", "nodes", "default"],
    ["list", "namespaces", "default"],
    ["get", "pods", "kube-system"],
  ])("it may not %s %s in %s", async (...what) => expect(await may(...what)).toBe(false));

  test("it is not root, cannot change its own files, and has no kubeconfig", async () => {
    const [pod = ""] = await scene.ready();
    const inPod = (script: string) => cluster.kubectl(["-n", "kgents", "exec", pod, "--", "sh", "-c", script]);
    expect((await inPod("id -u; id -g; printenv KUBECONFIG")).stdout).toBe("1000\n1000\n");
    expect((await inPod("touch /kgents/dist/x")).stderr).toContain("Read-only file system");
    expect(await inPod("touch /tmp/x /var/lib/kgents/state/x")).toMatchObject({ code: 0 });
  });
});

describe("what reaches what", () => {
  const connecting = (host: string, port: number) =>
    `require("node:net").connect(${port}, "${host}").on("connect", () => process.exit(0)).on("error", () => process.exit(1)).setTimeout(3000, () => process.exit(1))`;
  const reaches = async (namespace: string, pod: string, host: string, port: number): Promise<boolean> =>
    (await cluster.kubectl(["-n", namespace, "exec", pod, "--", "node", "-e", connecting(host, port)])).code === 0;

  /** A pod that is not a worker, in its own namespace. */
  async function startStranger(namespace: string): Promise<void> {
    await kubectl(["create", "namespace", namespace]);
    const idle = ["--", "node", "-e", "setInterval(() => {}, 1e6)"];
    await kubectl(["-n", namespace, "run", "stranger", `--image=${scene.image}`, "--command", ...idle]);
    await kubectl(["-n", namespace, "wait", "pod/stranger", "--for=condition=Ready", "--timeout=110s"]);
  }
  // The policy allows the first one as Prometheus' namespace.
  const namespaces = ["monitoring", "elsewhere"] as const;
  beforeAll(async () => void (await Promise.all(namespaces.map(startStranger))));
  afterAll(() => kubectl(["delete", "namespace", "--ignore-not-found", "--wait=false", ...namespaces]));

  test("a worker reaches Temporal, the bucket and the API server", async () => {
    const [pod = ""] = await scene.ready();
    expect(await reaches("kgents", pod, "temporal", 7233)).toBe(true);
    expect(await reaches("kgents", pod, "store", 7070)).toBe(true);
    expect(await reaches("kgents", pod, "kubernetes.default.svc", 443)).toBe(true);
  });

  test("it does not reach a cloud's metadata, or another port of the machine, which others reach", async () => {
    const [pod = ""] = await scene.ready();
    for (const listener of [node().listeners.metadata, node().listeners.host]) {
      const [host = "", port] = listener.split(":");
      expect(await reaches("elsewhere", "stranger", host, Number(port)), `${listener} from another pod`).toBe(true);
      expect(await reaches("kgents", pod, host, Number(port)), `${listener} from a worker`).toBe(false);
    }
  });

  test("its metrics are for Prometheus; nobody reaches anything else of it", async () => {
    const [pod = ""] = await scene.ready();
    const worker = await scene.kubectl("get", "pod", pod, "-o", "jsonpath={.status.podIP}");
    expect(await reaches("monitoring", "stranger", worker, 9464)).toBe(true);
    expect(await reaches("monitoring", "stranger", worker, 8080)).toBe(false);
    expect(await reaches("elsewhere", "stranger", worker, 9464)).toBe(false);
  });
});

describe("workers come and go", () => {
  test("a rollout under load: each run ends once, and the old workers end in order", async () => {
    const before = await scene.ready();
    const ids = await startRuns(scene.client, 8, 12);
    const logs = before.map((name) => scene.kubectl("logs", "--follow", name));
    await scene.kubectl("rollout", "restart", "deployment/kgents-worker");
    await scene.kubectl("rollout", "status", "deployment/kgents-worker", "--timeout=300s");
    await expectAllWell(scene.client, ids);
    // A worker killed at the end of the grace period would not log this.
    for (const log of await Promise.all(logs)) expect(log).toContain('"msg":"the worker has stopped"');
    expect((await scene.ready()).filter((name) => before.includes(name))).toEqual([]);
  }, 600_000);

  test("a node is lost: its runs go on by the other worker, and a worker takes its worker's place", async () => {
    await using second = await node().join();
    await second.importImage(scene.archive);
    await scene.kubectl("rollout", "restart", "deployment/kgents-worker");
    await scene.kubectl("rollout", "status", "deployment/kgents-worker", "--timeout=300s");
    const places = async (): Promise<Record<string, string>> => {
      const each = '{range .items[*]}{.metadata.name}={.spec.nodeName}{"\\n"}{end}';
      const ready = await scene.ready();
      const lines = (await scene.kubectl("get", "pods", "-o", `jsonpath=${each}`)).trim().split("\n");
      return Object.fromEntries(lines.map((line) => line.split("=")).filter(([name = ""]) => ready.includes(name)));
    };
    const before = await places();
    // Spread over the nodes by the Deployment's constraint.
    const [lost = "", ...others] = Object.keys(before).filter((name) => before[name] === second.name);
    expect(Object.keys(before), JSON.stringify(before)).toHaveLength(2);
    expect(others).toEqual([]);
    const { ids, release } = await startHeldRuns(scene.client, 8);
    const followers = () => followersOf(scene.client, ids);
    await expect.poll(async () => (await followers()).every((each) => each !== undefined), patient).toBe(true);
    expect((await followers()).filter((each) => each?.includes(lost))).not.toEqual([]);
    await second.lose();
    await release();
    await expectAllWell(scene.client, ids);
    await expect
      .poll(places, patient)
      .toSatisfy((now: Record<string, string>) => Object.keys(now).length === 2 && !(lost in now));
  }, 900_000);

  test("evictions take one worker at a time", async () => {
    const [first = "", second = "", ...more] = await scene.ready();
    expect(more).toEqual([]);
    const evict = (name: string) => {
      const eviction = { apiVersion: "policy/v1", kind: "Eviction", metadata: { name, namespace: "kgents" } };
      const path = `/api/v1/namespaces/kgents/pods/${name}/eviction`;
      return cluster.kubectl(["create", "--raw", path, "-f", "-"], { input: JSON.stringify(eviction) });
    };
    expect(await evict(first)).toMatchObject({ code: 0 });
    expect((await evict(second)).stderr).toContain("disruption budget");
    await expect.poll(() => scene.ready(), patient).toHaveLength(2);
  }, 300_000);

  test("while Temporal is away no worker is ready, and none is restarted; then they go on", async () => {
    const before = (await scene.ready()).sort();
    await scene.temporal.stop();
    await expect.poll(() => scene.ready(), patient).toEqual([]);
    await scene.temporal.start();
    await expect.poll(async () => (await scene.ready()).sort(), patient).toEqual(before);
    const counts = "jsonpath={.items[*].status.containerStatuses[0].restartCount}";
    expect((await scene.kubectl("get", "pods", "-o", counts)).split(" ")).toEqual(["0", "0"]);
    await expectAllWell(scene.client, await startRuns(scene.client, 1, 0));
  }, 600_000);
});

test("versions of a pool: each run ends with the version that began it, which then goes", async () => {
  const taskQueue = "versioned";
  const flags = ["--config", await scene.client.file("versioned.yaml", JSON.stringify({ worker: { taskQueue } }))];
  const startVersion = async (version: string): Promise<string> => {
    const overlay = await scene.versionOverlay(version, taskQueue);
    await kubectl(["apply", "-k", overlay]);
    await scene.kubectl("rollout", "status", `deployment/kgents-worker-${version}`, "--timeout=300s");
    await setCurrentVersion(scene.client, "kgents", version);
    return overlay;
  };
  const first = await startVersion("1");
  const areFollowedBy = (ids: readonly string[], version: string) =>
    expect
      .poll(
        async () => (await followersOf(scene.client, ids)).every((each) => each?.includes(`kgents-worker-${version}-`)),
        patient,
      )
      .toBe(true);
  const early = await startHeldRuns(scene.client, 6, flags);
  await areFollowedBy(early.ids, "1");
  const second = await startVersion("2");
  const late = await startHeldRuns(scene.client, 6, flags);
  await kubectl(["delete", "-k", first, "--wait=false"]);
  await areFollowedBy(late.ids, "2");
  // Its workers are terminating, and continue their runs.
  await areFollowedBy(early.ids, "1");
  await Promise.all([early.release(), late.release()]);
  await expectAllWell(scene.client, [...early.ids, ...late.ids]);
  await scene.kubectl("wait", "pod", "-l", "app.kubernetes.io/version=1", "--for=delete", "--timeout=300s");
  await kubectl(["delete", "-k", second, "--wait=false"]);
}, 900_000);

test.each(["base", "overlays/production", "overlays/versioned"])(
  "the API server takes %s as it stands",
  async (overlay) => {
    const { stdout: input } = await cluster.kubectl(["kustomize", join(root, "deploy/workers", overlay)]);
    const apply = ["apply", "--dry-run=server", "--validate=strict", "-f", "-"];
    const { code, stdout, stderr } = await cluster.kubectl(apply, { input });
    expect(code, stderr).toBe(0);
    expect(stdout).toContain("deployment.apps/kgents-worker");
  },
);

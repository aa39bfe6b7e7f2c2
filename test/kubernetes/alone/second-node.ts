/** The test cluster's second node. Tests on it are meaningful only if it behaves like any other node. */
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { nodeRemains } from "../../cluster/native/node.ts";
import { secondNode } from "../../cluster/native/paths.ts";
import type { SecondNode } from "../../cluster/types.ts";
import { clientPod, hardenedJob, isolatingPolicy } from "../manifests.ts";
import { type CellNamespace, cellNamespace, cluster, kubectl, node, podReaches } from "../support.ts";

const tolerations = [
  { key: "kgents.test/second", operator: "Exists" },
  { key: "node.kubernetes.io/unreachable", operator: "Exists", effect: "NoExecute", tolerationSeconds: 10 },
];

/** A pod's specification, for the second node. */
const onSecond = <Spec extends object>(spec: Spec) => ({
  ...spec,
  nodeSelector: { "kubernetes.io/hostname": secondNode.name },
  tolerations,
});

const isGone = async (): Promise<boolean> =>
  (await nodeRemains(secondNode, node().run)).length === 0 &&
  (await cluster.kubectl(["get", "node", secondNode.name])).stderr.includes("NotFound");

const scene = new AsyncDisposableStack();
let namespace: CellNamespace;
let second: SecondNode;

const reaches = (pod: string, ...target: [host: string, port: number, seconds?: number]) =>
  podReaches(namespace.name, pod, ...target);
const addressOf = (pod: string) => namespace.kubectl("get", "pod", pod, "-o", "jsonpath={.status.podIP}");
const podsOnSecond = async () => {
  const there = `spec.nodeName=${second.name}`;
  const found = await kubectl(["get", "pods", "--all-namespaces", "--field-selector", there, "-o", "name"]);
  return found.split("\n").filter(Boolean).sort();
};

describe.skipIf(cluster.node === null)("another node", () => {
  beforeAll(async () => {
    namespace = scene.use(await cellNamespace());
    second = scene.use(await node().join());
    await namespace.apply(clientPod("here"));
    for (const pod of ["there", "isolated"].map(clientPod)) {
      await namespace.apply({ ...pod, spec: onSecond(pod.spec) });
    }
    await namespace.kubectl("wait", "pods", "--all", "--for=condition=Ready", "--timeout=60s");
  });

  test("only pods that tolerate it are there, and nobody counts its images", async () => {
    const { tolerations: _, ...spec } = onSecond(clientPod("intolerant").spec);
    await namespace.apply({ ...clientPod("intolerant"), spec });
    await namespace.kubectl("wait", "pod/intolerant", "--for=condition=PodScheduled=False", "--timeout=20s");
    expect(await podsOnSecond()).toEqual(["pod/isolated", "pod/there"]);
    expect(await kubectl(["get", "node", second.name, "-o", "jsonpath={.status.images}"])).toBe("");
  });

  test("its pods find the API server by name, and reach the machine and pods of the first node, which reach them", async () => {
    const [host = "", port] = node().listeners.host.split(":");
    expect(await reaches("there", "kubernetes.default.svc.cluster.local", 443)).toBe(true);
    expect(await reaches("there", host, Number(port))).toBe(true);
    expect(await reaches("there", await addressOf("here"), 8000)).toBe(true);
    expect(await reaches("here", await addressOf("there"), 8000)).toBe(true);
  });

  test("exec and logs", async () => {
    const result = await cluster.kubectl(
      ["-n", namespace.name, "exec", "-i", "there", "--", "sh", "-c", "cat; exit 7"],
      { input: "given" },
    );
    expect(result).toMatchObject({ code: 7, stdout: "given" });
    const job = hardenedJob("words", "busybox:1.37", ["echo", "from there"]);
    const spec = { ...job.spec, template: { ...job.spec.template, spec: onSecond(job.spec.template.spec) } };
    await namespace.apply({ ...job, spec });
    await namespace.kubectl("wait", "job/words", "--for=condition=Complete", "--timeout=30s");
    expect(await namespace.kubectl("logs", "job/words")).toBe("from there\n");
  });

  test("policies hold between pods of this node, and between nodes by the pods' own addresses", async () => {
    const neighbour = await addressOf("there");
    expect(await reaches("isolated", neighbour, 8000)).toBe(true);
    await namespace.apply(isolatingPolicy("isolated"));
    await expect.poll(() => reaches("isolated", neighbour, 8000, 1)).toBe(false);
    expect(await reaches("there", await addressOf("isolated"), 8000, 1)).toBe(false);

    const here = await addressOf("here");
    const allow = (app: string) => ({
      ...isolatingPolicy("here"),
      spec: {
        podSelector: { matchLabels: { app: "here" } },
        policyTypes: ["Ingress"],
        ingress: [{ from: [{ podSelector: { matchLabels: { app } } }] }],
      },
    });
    await namespace.apply(allow("nobody"));
    await expect.poll(() => reaches("there", here, 8000, 1)).toBe(false);
    await namespace.apply(allow("there"));
    await expect.poll(() => reaches("there", here, 8000, 1)).toBe(true);
  });

  test("loses its power", () => second.lose());
});

/** Tests of what follows the loss. The cluster takes a minute to find out, in which other tests may run. */
export function testLoss(): void {
  afterAll(() => scene.disposeAsync());

  test.skipIf(cluster.node === null)(
    "the cluster finds out, and deletes its pods; its end leaves nothing",
    async () => {
      // The controller manager has a grace period of 50 seconds, and the pod its own 10.
      await kubectl(["wait", `node/${second.name}`, "--for=condition=Ready=Unknown", "--timeout=80s"]);
      // Deleted, or gone already.
      const columns = ["-o", "jsonpath={.metadata.name} {.metadata.deletionTimestamp}"];
      const there = () => namespace.kubectl("get", "pod", "there", "--ignore-not-found", ...columns);
      await expect.poll(there).not.toBe("there ");
      await second[Symbol.asyncDispose]();
      expect(await podsOnSecond()).toEqual([]);
      expect(await isGone()).toBe(true);
    },
  );

  test.skipIf(cluster.node === null)("a second node ends with the process that asked for it", async () => {
    const modules = ["native/native.ts", "cluster.ts"].map(
      (name) => new URL(`../../cluster/${name}`, import.meta.url).href,
    );
    const program = `
    const [{ nativeDescription }, { connectCluster }] = await Promise.all(${JSON.stringify(modules)}.map((url) => import(url)));
    const second = await connectCluster(await nativeDescription()).node.join();
    console.log(second.name);
    setInterval(() => {}, 1000);`;
    const child = spawn(process.execPath, ["--input-type=module", "--eval", program], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const ended = new Promise((resolve) => child.once("close", resolve));
    try {
      for await (const line of createInterface({ input: child.stdout })) {
        expect(line).toBe(secondNode.name);
        break;
      }
      expect(await isGone()).toBe(false);
    } finally {
      child.kill("SIGKILL");
      await ended;
    }
    await expect.poll(isGone).toBe(true);
  });
}

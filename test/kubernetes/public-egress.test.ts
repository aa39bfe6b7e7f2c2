/** The policies of deploy/: what a cell reaches with and without network. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { networkLabel } from "#core/manifest/cluster-names";
import type { NodeControl } from "../cluster/types.ts";
import { cluster, createTerminal, freshName, kubectl, removeNamespaces } from "./infra-support.ts";
import { clientPod } from "./manifests.ts";

const namespace = freshName();
/** In a public range, but here only an address of the node. Documentation ranges are blocked. */
const publicAddress = "11.203.0.77";
const documentationAddress = "203.0.113.77";

const inNamespace = (args: readonly string[], input?: object): Promise<string> =>
  kubectl(["-n", namespace, ...args], input);

/** Times out soon for a name that does not resolve. */
const python = ["env", "RES_OPTIONS=timeout:1 attempts:1", "python3", "-c"];

async function reaches(pod: string, host: string, port: number): Promise<boolean> {
  const program = `import socket; socket.create_connection((${JSON.stringify(host)}, ${port}), 1)`;
  return (await cluster.kubectl(["-n", namespace, "exec", pod, "--", ...python, program])).code === 0;
}

async function startPod(name: string, labels: Record<string, string>): Promise<void> {
  const pod = clientPod(name);
  await inNamespace(["create", "-f", "-"], { ...pod, metadata: { ...pod.metadata, labels: { app: name, ...labels } } });
  await inNamespace(["wait", `pod/${name}`, "--for=condition=Ready", "--timeout=30s"]);
}

function testsOfNode(node: NodeControl): void {
  const [hostAddress = ""] = node.listeners.host.split(":");
  // The node's API server listens on all its addresses.
  const publicTarget: [string, number] = [publicAddress, 6443];
  const targets: [what: string, host: string, port: number][] = [
    ["the API server", "10.96.0.1", 443],
    ["the API server's own address", "10.99.0.2", 6443],
    ["the metadata service", "169.254.169.254", 80],
    ["an address set aside for documentation", documentationAddress, 6443],
    ["the machine's network", hostAddress, 8099],
  ];

  beforeAll(async () => {
    const terminal = await createTerminal();
    const { code, stderr } = await terminal.run(["infra", "init", "--namespace", namespace, "--yes"]);
    expect(code, stderr).toBe(0);
    await terminal[Symbol.asyncDispose]();
    for (const address of [publicAddress, documentationAddress])
      await node.run(["ip", "address", "add", `${address}/32`, "dev", "lo"]);
    await startPod("peer", {});
    await Promise.all([
      startPod("online", { [networkLabel]: "true" }),
      startPod("offline", { [networkLabel]: "false" }),
      startPod("free", {}),
    ]);
    const policy = (name: string, spec: object) => ({
      ...{ apiVersion: "networking.k8s.io/v1", kind: "NetworkPolicy", metadata: { name }, spec },
    });
    const opened = policy("free", {
      podSelector: { matchLabels: { app: "free" } },
      policyTypes: ["Egress"],
      egress: [{}],
    });
    // Allows ingress, so that only egress decides whether the target is reached.
    const entered = policy("peer", {
      podSelector: { matchLabels: { app: "peer" } },
      policyTypes: ["Ingress"],
      ingress: [{}],
    });
    for (const each of [opened, entered]) await inNamespace(["create", "-f", "-"], each);
    targets.push(["another pod", await inNamespace(["get", "pod", "peer", "-o", "jsonpath={.status.podIP}"]), 8000]);
  });
  afterAll(async () => {
    for (const address of [publicAddress, documentationAddress])
      await node.run(["ip", "address", "del", `${address}/32`, "dev", "lo"]);
    await removeNamespaces([namespace]);
  });

  test("what is public can be reached at all", async () => {
    await expect.poll(() => reaches("free", ...publicTarget), { timeout: 60_000 }).toBe(true);
  });

  test("a pod that asked for network reaches public addresses, and resolves names", async () => {
    expect(await reaches("online", ...publicTarget)).toBe(true);
    const resolve = `import socket; print(socket.gethostbyname("kubernetes.default.svc.cluster.local"))`;
    expect(await inNamespace(["exec", "online", "--", "python3", "-c", resolve])).toBe("10.96.0.1\n");
  });

  test("one that did not reaches neither", async () => {
    expect(await reaches("offline", ...publicTarget)).toBe(false);
    expect(await reaches("offline", "kubernetes.default.svc.cluster.local", 443)).toBe(false);
  });

  test("neither reaches what only the cluster can, and a pod with an open network can", async () => {
    for (const [what, host, port] of targets) {
      expect(await reaches("free", host, port), `${what} from an open network`).toBe(true);
      const [online, offline] = await Promise.all([reaches("online", host, port), reaches("offline", host, port)]);
      expect({ online, offline }, what).toEqual({ online: false, offline: false });
    }
  });

  test("nothing comes in, whatever the other side may send", async () => {
    const address = await inNamespace(["get", "pod", "online", "-o", "jsonpath={.status.podIP}"]);
    expect(await reaches("online", "127.0.0.1", 8000), "what listens there").toBe(true);
    expect(await reaches("free", address, 8000)).toBe(false);
  });
}

if (cluster.node) {
  const { node } = cluster;
  describe("the policies", () => testsOfNode(node));
}

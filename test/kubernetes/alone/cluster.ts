/** The test cluster itself. A denial or a failure on it is meaningful only if the rest of it works. */
import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { builtInLanguages } from "#core/contract/language";
import { connectCluster } from "../../cluster/cluster.ts";
import type { NodeControl } from "../../cluster/types.ts";
import { clientPod, hardenedJob, isolatingPolicy, restrictedNamespace } from "../manifests.ts";
import { podReaches } from "../support.ts";

const description = inject("cluster");
if (description === null) throw new Error("these tests need a cluster");
const cluster = connectCluster(description);
const namespace = `cluster-test-${randomUUID().slice(0, 8)}`;

async function kubectl(args: readonly string[], input?: string): Promise<string> {
  const { code, stdout, stderr } = await cluster.kubectl(
    ["-n", namespace, ...args],
    input === undefined ? {} : { input },
  );
  if (code !== 0) throw new Error(`kubectl ${args.join(" ")}: ${code}: ${stderr}`);
  return stdout;
}

const apply = (manifest: object): Promise<string> => kubectl(["apply", "-f", "-"], JSON.stringify(manifest));

const reaches = (pod: string, ...target: [host: string, port: number, seconds?: number]): Promise<boolean> =>
  podReaches(namespace, pod, ...target);

async function startClient(name: string): Promise<void> {
  await apply(clientPod(name));
  await kubectl(["wait", `pod/${name}`, "--for=condition=Ready", "--timeout=30s"]);
}

beforeAll(async () => {
  await apply(restrictedNamespace(namespace));
  await startClient("client");
});

afterAll(() => kubectl(["delete", "namespace", namespace, "--wait=false"]));

describe.concurrent("at the same time", () => {
  const images = [...new Map(builtInLanguages.map(({ image, command }) => [image, command[0] ?? ""]))];

  test.each(images)("a hardened Job with %s completes, and its output can be read", async (image, interpreter) => {
    const name = `job-${randomUUID().slice(0, 8)}`;
    await apply(hardenedJob(name, image, ["sh", "-c", `command -v ${interpreter} && command -v tar && id -u`]));
    await kubectl(["wait", `job/${name}`, "--for=condition=Complete", "--timeout=50s"]);
    expect(await kubectl(["logs", `job/${name}`])).toMatch(/\btar\n65534\n$/);
  });

  test("exec passes input, both outputs and the exit code", async () => {
    const result = await cluster.kubectl(
      ["-n", namespace, "exec", "-i", "client", "--", "sh", "-c", "cat; echo problem >&2; exit 7"],
      { input: "given" },
    );
    expect(result).toMatchObject({ code: 7, stdout: "given" });
    expect(result.stderr).toContain("problem");
  });

  test("a pod reaches the API server by its service, and finds it by its name", async () => {
    const service = await kubectl([
      "-n",
      "default",
      "get",
      "service",
      "kubernetes",
      "-o",
      "jsonpath={.spec.clusterIP}",
    ]);
    expect(await reaches("client", service, 443)).toBe(true);
    expect(await reaches("client", "kubernetes.default.svc.cluster.local", 443)).toBe(true);
  });

  // Only our own cluster may be broken or inspected.
  if (cluster.node) testsBeside(cluster.node);
});

/** Tests that change nothing for others. */
function testsBeside(node: NodeControl): void {
  const hostAddress = node.hostAddress;
  test("a listener records what a pod asks it", async () => {
    const path = `/${randomUUID()}`;
    const request = `import socket; s = socket.create_connection(("${hostAddress}", 8099), 5); s.sendall(b"POST ${path} HTTP/1.0\\r\\nContent-Length: 2\\r\\n\\r\\nhi"); print(s.recv(999))`;
    expect(await kubectl(["exec", "client", "--", "python3", "-c", request])).toContain("host listener");
    const received = (await node.listeners.requests()).filter((each) => each.path === path);
    expect(received).toMatchObject([{ listener: "host", method: "POST", body: "hi" }]);
  });

  test("egress to public addresses and DNS alone: names resolve, private addresses stay out of reach", async () => {
    await apply(isolatingPolicy("online", { allowPublic: true }));
    await startClient("online");
    const resolve = `import socket; print(socket.gethostbyname("kubernetes.default.svc.cluster.local"))`;
    expect(await kubectl(["exec", "online", "--", "python3", "-c", resolve])).toBe("10.96.0.1\n");
    for (const [host, port] of targetsOf(node)) {
      expect(await reaches("online", host, port, 1), `${host}:${port}`).toBe(false);
    }
    expect((await node.run(["nft", "list", "table", "inet", "kgents_policies"])).stdout).toContain("0.0.0.0/0");
  });

  test("a new pod is isolated from its first moment", async () => {
    await apply(isolatingPolicy("fresh"));
    const attempt = `import socket\nfor _ in range(20):\n  try: socket.create_connection(("10.96.0.1", 443), 0.1); print("reached")\n  except OSError: pass\n`;
    await apply(hardenedJob("fresh", "python:3.13-slim", ["python3", "-c", `${attempt}print("end")`]));
    await kubectl(["wait", "job/fresh", "--for=condition=Complete", "--timeout=50s"]);
    expect(await kubectl(["logs", "job/fresh"])).toBe("end\n");
  });

  test("a slow pull is slow, and ends", async () => {
    const began = Date.now();
    await apply(hardenedJob("slow", node.registry.slowImage(), ["true"]));
    await kubectl(["wait", "job/slow", "--for=condition=Complete", "--timeout=50s"]);
    expect(Date.now() - began).toBeGreaterThan(8000);
  });

  test("a token of the cluster's key is accepted until it ends", async () => {
    const answerTo = async (expiresAt: Date) => {
      const token = await node.signToken({ namespace, serviceAccount: "default", expiresAt });
      const kubeconfig = await node.kubeconfigWith({ token });
      // The server answers "forbidden" to an accepted token without permissions.
      return (await cluster.kubectl(["--kubeconfig", kubeconfig, "-n", namespace, "get", "pods"])).stderr;
    };
    expect(await answerTo(new Date(Date.now() + 600_000))).toContain(`system:serviceaccount:${namespace}:default`);
    expect(await answerTo(new Date(Date.now() - 60_000))).toContain("Unauthorized");
  });
}

/** Targets that an isolated pod must not reach, but reaches without a policy. */
const targetsOf = ({ hostAddress }: NodeControl): readonly [string, number][] => [
  ["10.96.0.1", 443],
  ["kubernetes.default.svc.cluster.local", 443],
  ["169.254.169.254", 80],
  [hostAddress, 8099],
];

if (cluster.node) {
  const { node } = cluster;
  test("policies isolate a pod while they are enforced, and only then", async () => {
    await startClient("isolated");
    const peer: [string, number] = [await kubectl(["get", "pod", "client", "-o", "jsonpath={.status.podIP}"]), 8000];
    /** The answers of all of them, together. */
    const reached = (seconds?: number) =>
      Promise.all([...targetsOf(node), peer].map(([host, port]) => reaches("isolated", host, port, seconds)));
    expect(await reached(), "without a policy").not.toContain(false);
    await apply(isolatingPolicy("isolated"));
    try {
      await expect.poll(() => reaches("isolated", "10.96.0.1", 443, 1)).toBe(false);
      expect(await reached(1), "under the policy").not.toContain(true);
      expect(await reaches("client", "10.96.0.1", 443), "a pod that no policy selects").toBe(true);
      await node.enforcePolicies(false);
      expect(await reaches("isolated", "10.96.0.1", 443), "a policy that nobody enforces").toBe(true);
    } finally {
      await node.enforcePolicies(true);
    }
    expect(await reaches("isolated", "10.96.0.1", 443, 1), "enforced again").toBe(false);
  });
}

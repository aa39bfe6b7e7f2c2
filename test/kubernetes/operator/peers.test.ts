/** What Agents reach, tried from inside their pods: a truth table over four genera, and what no policy names. */
import { afterAll, beforeAll, expect, test } from "vitest";
import type { KubernetesJson } from "#cells/kubernetes/api/kubernetes-json";
import type { AgentSpecInput } from "#core/agents/agent-spec";
import { clientPod } from "../manifests.ts";
import { until } from "../moments.ts";
import { type AgentNamespace, createAgentNamespace, sleeping, startTestOperator } from "./scene.ts";

/** The Agents, and the genera that each names. */
const agents: Readonly<Record<string, Pick<AgentSpecInput, "genus" | "networkPolicy">>> = {
  b: { genus: "B", networkPolicy: { allowedPeers: ["L", "F"] } },
  f: { genus: "F", networkPolicy: { allowedPeers: ["B"] } },
  l: { genus: "L" },
  psi: { genus: "Psi", networkPolicy: { allowedPeers: ["L"] } },
};

/** Listens on two ports. Only the first one is the Agent's. */
const listening = `
import socket, time
servers = [socket.create_server(("", port), backlog=100) for port in (8080, 8081)]
time.sleep(2**31)`;

/** Prints which of the named servers it reaches, and whether the cluster's DNS answers. */
const trying = `
import json, socket, sys
from concurrent.futures import ThreadPoolExecutor
def reaches(server):
    try: return bool(socket.create_connection(tuple(server), 3))
    except OSError: return False
def resolves():
    try: return bool(socket.gethostbyname("kubernetes.default.svc.cluster.local."))
    except OSError: return False
servers = json.loads(sys.argv[1])
with ThreadPoolExecutor(20) as pool:
    name = pool.submit(resolves)
    found = list(pool.map(reaches, servers.values()))
    print(json.dumps([each for each, reached in zip(servers, found) if reached] + ["dns"] * name.result()))`;

let namespace: AgentNamespace;
let operator: Awaited<ReturnType<typeof startTestOperator>>;
const specOf = (name: string, more: Partial<AgentSpecInput> = {}): AgentSpecInput => ({
  ...sleeping({ command: ["python3", "-c", listening], args: [] }),
  ...agents[name],
  genus: agents[name]?.genus ?? "X",
  ...more,
});
beforeAll(async () => {
  namespace = await createAgentNamespace();
  operator = await startTestOperator(namespace.name);
  await namespace.objects.create(clientPod("free"), { fieldManager: "test" });
  for (const name of Object.keys(agents)) await namespace.applyAgent(name, specOf(name));
  for (const name of Object.keys(agents)) {
    await until(`${name} is available`, async () => (await namespace.reason(name)) === "Available", 200);
  }
  await namespace.kubectl("wait", "pod/free", "--for=condition=Ready", "--timeout=60s");
});
afterAll(async () => {
  await operator.close();
  await namespace[Symbol.asyncDispose]();
});

/** Everything that a pod may try. */
async function targets(): Promise<Record<string, readonly [host: string, port: number]>> {
  const addressOf = (...pod: string[]) => namespace.kubectl("get", "pods", ...pod, "-o", "jsonpath={..podIP}");
  const services = Object.keys(agents).map(async (name) => {
    const service = await namespace.get<KubernetesJson & { spec: { clusterIP: string } }>("Service", name);
    return [name, [service?.spec.clusterIP ?? "", 8080]] as const;
  });
  return {
    ...Object.fromEntries(await Promise.all(services)),
    "b's other port": [await addressOf("-l", "kgents.io/agent=b"), 8081],
    free: [await addressOf("free"), 8000],
    api: ["10.96.0.1", 443],
    metadata: ["169.254.169.254", 80],
  };
}

const reachedFrom = async (pod: string): Promise<string[]> =>
  JSON.parse(await namespace.kubectl("exec", pod, "--", "python3", "-c", trying, JSON.stringify(await targets())));

test("each reaches those that it names, by their Services, and nothing else", async () => {
  const pods = ["free", ...Object.keys(agents).map((name) => `deployment/${name}`)];
  const [free, b, f, l, psi] = await Promise.all(pods.map(reachedFrom));
  // What Agents must not reach is there.
  expect(free).toEqual(["free", "api", "metadata", "dns"]);
  expect({ b, f, l, psi }).toEqual({
    // Each reaches itself.
    b: ["f", "l", "b's other port", "dns"],
    f: ["b", "dns"],
    l: [],
    psi: ["l", "dns"],
  });
});

test("one that names another peer reaches it", async () => {
  await namespace.applyAgent("l", specOf("l", { networkPolicy: { allowedPeers: ["Psi"] } }));
  await expect.poll(() => namespace.reason("l", "Progressing"), { timeout: 90_000 }).toBe("Complete");
  await expect.poll(() => namespace.reason("l"), { timeout: 90_000 }).toBe("Available");
  expect(await reachedFrom("deployment/l")).toEqual(["psi", "dns"]);
});

/** Stops and starts components of the native node, and inspects it from inside. */
import { randomUUID } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { type Finished, run } from "../../support/run.ts";
import type { ControlOptions, NodeComponent, NodeControl, RecordedRequest, TestCluster } from "../types.ts";
import { firstNode, nodeDirectory, sourceDirectory } from "./paths.ts";
import { joinSecondNode } from "./second-node.ts";
import { signServiceAccountToken, writeKubeconfig } from "./tokens.ts";

const readyMilliseconds = 60_000;

/** The health endpoint of each component on the node's loopback. */
const health: Readonly<Record<NodeComponent, string>> = {
  apiserver: "https://127.0.0.1:6443/readyz",
  "controller-manager": "https://127.0.0.1:10257/healthz",
  scheduler: "https://127.0.0.1:10259/healthz",
  kubelet: "http://127.0.0.1:10248/healthz",
};

const policyTable = ["inet", "kgents_policies"] as const;

export function nodeControl(options: ControlOptions, kubectl: TestCluster["kubectl"]): NodeControl {
  const inside: NodeControl["run"] = (argv) =>
    run(["nsenter", "--target", `${options.process}`, "--net", "--mount", "--pid", "--uts", "--ipc", ...argv], {
      environment: options.environment,
    });
  const launch = async (name: string): Promise<void> => {
    // The parent exits at once, so the node's first process adopts the component, as at the node's start.
    const script = `setsid "$0" ${name} & `;
    await succeed(inside(["bash", "-c", script, join(sourceDirectory, "component.sh")]), `starting ${name}`);
  };
  const kill = async (name: string): Promise<void> => {
    const process = (await readFile(join(nodeDirectory, "pids", name), "utf8")).trim();
    await inside(["kill", "-KILL", process]);
    await until(async () => (await inside(["kill", "-0", process])).code !== 0, `${name} to end`);
  };
  const hasPolicyTable = async () => (await inside(["nft", "list", "table", ...policyTable])).code === 0;
  return {
    hostAddress: firstNode.gateway.address,
    images: join(options.environment.IMAGES ?? "", "images.tar"),
    importImage: (archive) =>
      succeed(inside(["ctr", "-n", "k8s.io", "images", "import", archive]), `importing ${archive}`),
    run: inside,
    join: () => joinSecondNode(options, inside),
    stop: kill,
    start: async (component) => {
      await launch(component);
      const { origin, pathname } = new URL(health[component]);
      const probe = [options.kubectl, "kubectl", "--kubeconfig", join(nodeDirectory, "kubeconfig")] as const;
      const local = ["--server", origin, "get", "--raw", pathname];
      // These two create their own certificates, which are stored nowhere else.
      if (component === "controller-manager" || component === "scheduler") local.unshift("--insecure-skip-tls-verify");
      await until(async () => (await inside([...probe, ...local])).code === 0, `${component} to be ready`);
      if (component !== "kubelet") return;
      const waiting = kubectl(["wait", `node/${firstNode.name}`, "--for=condition=Ready", "--timeout=60s"]);
      await succeed(waiting, "waiting for the node");
    },
    enforcePolicies: async (on) => {
      if (on === (await hasPolicyTable())) return;
      if (on) {
        await launch("enforce-policies");
        await until(hasPolicyTable, "the policies to be enforced");
        return;
      }
      await kill("enforce-policies");
      await succeed(inside(["nft", "delete", "table", ...policyTable]), "removing the policies' rules");
    },
    signToken: (claims) => signServiceAccountToken(claims, kubectl),
    kubeconfigWith: ({ token }) => writeKubeconfig(token),
    registry: { slowImage: () => `127.0.0.1:5000/slow/${randomUUID()}:1` },
    listeners: {
      host: `${firstNode.gateway.address}:8099`,
      metadata: "169.254.169.254:80",
      requests: async () => {
        const lines = (await readFile(join(nodeDirectory, "requests"), "utf8")).split("\n");
        return lines.filter(Boolean).map((line): RecordedRequest => JSON.parse(line));
      },
    },
  };
}

async function until(holds: () => Promise<boolean>, what: string): Promise<void> {
  for (const end = Date.now() + readyMilliseconds; !(await holds()); await delay(100)) {
    if (Date.now() > end) throw new Error(`waited ${readyMilliseconds / 1000} s in vain for ${what}`);
  }
}

async function succeed(finished: Promise<Finished>, what: string): Promise<void> {
  const { code, stderr } = await finished;
  if (code !== 0) throw new Error(`${what}: exit code ${code}: ${stderr}`);
}

/** An operator of all namespaces, in the cluster: while the kubelet or the definition of Agents is away. */
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { networkIsolationAnnotation } from "#core/manifest/cluster-names";
import { root } from "../../production/compose-file.ts";
import { buildWorkerImage } from "../../production/workers/image.ts";
import { type CommandLine, createCommandLine } from "../../support/command-line.ts";
import { type AgentNamespace, createAgentNamespace, installCrd, sleeping } from "../operator/scene.ts";
import { cluster, kubectl, node } from "../support.ts";

const operators = "kgents-operator";
const agents = "kgents-agents";

let commands: CommandLine;
let namespace: AgentNamespace;
beforeAll(async () => {
  commands = await createCommandLine({ environment: { KUBECONFIG: cluster.kubeconfig } });
  await node().importImage(await buildWorkerImage(node().images, "kgents:0.1.0"));
  namespace = await createAgentNamespace();
  await kubectl(["apply", "-f", join(root, "deploy/agents")]);
  await kubectl(["annotate", "namespace", agents, `${networkIsolationAnnotation}=enforced`]);
  await kubectl(["apply", "-k", join(root, "deploy/operator-all-namespaces")]);
  await scale(1);
}, 600_000);
afterAll(async () => {
  await namespace[Symbol.asyncDispose]();
  await kubectl(["delete", "namespace", "--ignore-not-found", "--wait=false", agents, operators]);
  await kubectl(["delete", "clusterrole,clusterrolebinding", "--ignore-not-found", operators]);
  await commands[Symbol.asyncDispose]();
});

const inOperators = (...args: string[]): Promise<string> => kubectl(["-n", operators, ...args]);

/** One replica is enough: the other one would only stand by. */
async function scale(replicas: number): Promise<void> {
  await inOperators("scale", "deployment/kgents-operator", `--replicas=${replicas}`);
  await inOperators("rollout", "status", "deployment/kgents-operator", "--timeout=110s");
}

/** The name and the restarts of the operator's pod. */
const pod = (): Promise<string> =>
  inOperators(
    ...["get", "pods", "-l", `app.kubernetes.io/name=${operators}`],
    ...["-o", "jsonpath={.items[*].metadata.name} {.items[*].status.containerStatuses[*].restartCount}"],
  );

const patient = { timeout: 60_000 };

test("serves a namespace that has no Role for it, and leads by the Lease of the usual one", async () => {
  await namespace.applyAgent("served", sleeping());
  await expect.poll(() => namespace.reason("served"), patient).toBe("Available");
  const leader = ["-n", agents, "get", "lease", "kgents-operator", "-o", "jsonpath={.spec.holderIdentity}"];
  expect(await kubectl(leader)).toContain((await pod()).split(" ")[0]);
  const mayNot = ["auth", "can-i", "get", "secrets", "--all-namespaces"];
  const account = `system:serviceaccount:${operators}:kgents-operator`;
  expect((await cluster.kubectl([...mayNot, "--as", account])).stdout).toBe("no\n");
  const status = await commands.run(["infra", "status", "--namespace", namespace.name]);
  expect(status.stdout).toMatch(new RegExp(`^Operator +kgents-operator\\S+ leads in ${namespace.name}$`, "m"));
});

test("the kubelet stopped and started: it and its Agents run on, and changes get through", async () => {
  const before = await pod();
  await node().stop("kubelet");
  await node().start("kubelet");
  await namespace.applyAgent("served", sleeping({ config: { after: "the kubelet" } }));
  await expect.poll(() => namespace.reason("served", "Progressing"), patient).toBe("Complete");
  await expect.poll(() => namespace.reason("served"), patient).toBe("Available");
  expect(await pod()).toBe(before);
});

test("the definition deleted while no operator runs: all is gone within a minute; back with it, all goes on", async () => {
  await scale(0);
  const from = performance.now();
  await kubectl(["delete", "crd", "agents.kgents.io"]);
  await expect.poll(namespace.children, patient).toEqual([]);
  const pods = () => namespace.kubectl("get", "pods", "-l", "kgents.io/agent", "-o", "name");
  await expect.poll(pods, patient).toBe("");
  console.log(`deletion: the definition with an Agent in ${Math.round(performance.now() - from)} ms`);
  const without = await commands.run(["operator", "--all-namespaces"]);
  expect(without).toMatchObject({ code: 125, stderr: expect.stringContaining("kgents infra crd") });
  await installCrd();
  await namespace.applyAgent("again", sleeping({ replicas: 0 }));
  await scale(1);
  await expect.poll(() => namespace.reason("again"), patient).toBe("ScaledToZero");
});

test("the definition deleted while it runs: it is not ready; back with it, all goes on", async () => {
  await kubectl(["delete", "crd", "agents.kgents.io"]);
  await expect.poll(namespace.children, patient).toEqual([]);
  await inOperators("wait", "pods", "--all", "--for=condition=Ready=False", "--timeout=100s");
  await installCrd();
  await namespace.applyAgent("again", sleeping({ replicas: 0 }));
  await expect.poll(() => namespace.reason("again"), { timeout: 100_000 }).toBe("ScaledToZero");
});

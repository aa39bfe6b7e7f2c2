/** An operator of all namespaces, with the ClusterRole of its manifests: while the kubelet or the definition is away. */
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type CommandLine, createCommandLine } from "../../support/command-line.ts";
import { type OperatorProcess, startOperatorProcess } from "../operator/operator-process.ts";
import { type AgentNamespace, createAgentNamespace, installCrd, sleeping } from "../operator/scene.ts";
import { cluster, kubectl, node } from "../support.ts";

const operators = "kgents-operator";
const agents = "kgents-agents";
const deploy = join(import.meta.dirname, "../../../deploy");

let commands: CommandLine;
let namespace: AgentNamespace;
let operator: OperatorProcess;
let kubeconfig: string;
beforeAll(async () => {
  commands = await createCommandLine({ environment: { KUBECONFIG: cluster.kubeconfig } });
  namespace = await createAgentNamespace();
  await kubectl(["apply", "-f", join(deploy, "agents")]);
  // The operator runs here, as its account: test/production has one from the image.
  const manifests = await kubectl(["kustomize", join(deploy, "operator-all-namespaces")]);
  await kubectl(["apply", "-f", "-"], manifests.replace("replicas: 2", "replicas: 0"));
  const token = (await kubectl(["-n", operators, "create", "token", operators])).trim();
  const config = JSON.parse(await kubectl(["config", "view", "--raw", "-o", "json"]));
  const users = [{ name: config.users[0].name, user: { token } }];
  kubeconfig = await commands.file("operator.json", JSON.stringify({ ...config, users }));
  await start();
});
afterAll(async () => {
  await operator[Symbol.asyncDispose]();
  await namespace[Symbol.asyncDispose]();
  await kubectl(["delete", "namespace", "--ignore-not-found", "--wait=false", agents, operators]);
  await kubectl(["delete", "clusterrole,clusterrolebinding", "--ignore-not-found", operators]);
  await commands[Symbol.asyncDispose]();
});

async function start(): Promise<void> {
  operator = await startOperatorProcess(commands, "*", kubeconfig);
  await operator.untilLeads();
}

const patient = { timeout: 60_000 };
const gone = (): Promise<void> => expect.poll(namespace.children, patient).toEqual([]);

test("the manifests are for all namespaces, and give no other right", async () => {
  const args = await kubectl([
    ...["-n", operators, "get", "deployment", operators],
    ...["-o", "jsonpath={.spec.template.spec.containers[0].args}"],
  ]);
  expect(JSON.parse(args).slice(0, 3)).toEqual(["operator", "--all-namespaces", "--health-host=0.0.0.0"]);
  const may = async (...what: string[]): Promise<string> =>
    (await cluster.kubectl(["--kubeconfig", kubeconfig, "auth", "can-i", ...what])).stdout.trim();
  expect(await may("patch", "deployments", "-n", namespace.name)).toBe("yes");
  for (const what of [
    ["get", "secrets"],
    ["create", "pods"],
    ["create", "pods/exec"],
    ["patch", "agents.kgents.io"],
  ]) {
    expect(await may(...what, "-n", namespace.name), what.join(" ")).toBe("no");
  }
  expect(await may("get", "leases/kgents-operator", "-n", namespace.name)).toBe("no");
});

test("it serves a namespace that has no Role for it, and leads by the Lease of the usual one", async () => {
  await namespace.applyAgent("served", sleeping());
  await expect.poll(() => namespace.reason("served"), patient).toBe("Available");
  const status = await commands.run(["infra", "status", "--namespace", namespace.name]);
  expect(status.stdout).toMatch(new RegExp(`^Operator +\\S+ leads in ${namespace.name}$`, "m"));
  const served = ["-n", agents, "get", "lease", operators, "-o", "jsonpath={.metadata.annotations}"];
  expect(JSON.parse(await kubectl(served))).toMatchObject({ "kgents.io/serves": "*" });
});

test("the kubelet stopped and started: Agents run on, and changes get through", async () => {
  const pods = () => namespace.kubectl("get", "pods", "-l", "kgents.io/agent=served", "-o", "name");
  const before = await pods();
  await node().stop("kubelet");
  await node().start("kubelet");
  expect(await namespace.reason("served")).toBe("Available");
  expect(await pods()).toBe(before);
  await namespace.applyAgent("served", sleeping({ config: { after: "the kubelet" } }));
  await expect.poll(() => namespace.reason("served"), patient).toBe("Available");
  expect(await pods()).not.toBe(before);
});

test("the definition deleted while no operator runs: all is gone within a minute; with it, all goes on", async () => {
  operator.signal("SIGTERM");
  expect((await operator.ended).code).toBe(0);
  const from = performance.now();
  await kubectl(["delete", "crd", "agents.kgents.io"]);
  await gone();
  await expect.poll(() => namespace.kubectl("get", "pods", "-o", "name"), patient).toBe("");
  console.log(`deletion: the definition with an Agent in ${Math.round(performance.now() - from)} ms`);
  const without = await commands.run(["operator", "--all-namespaces"]);
  expect(without).toMatchObject({ code: 125, stderr: expect.stringContaining("kgents infra crd") });
  await installCrd();
  await namespace.applyAgent("again", sleeping({ replicas: 0 }));
  await start();
  await expect.poll(() => namespace.reason("again"), patient).toBe("ScaledToZero");
});

test("the definition deleted while an operator runs: it says so; with the definition, all goes on", async () => {
  await kubectl(["delete", "crd", "agents.kgents.io"]);
  await gone();
  await expect.poll(() => operator.metric(/kgents_operator_failing_watches (\d+)/), patient).toBe(1);
  await installCrd();
  await namespace.applyAgent("again", sleeping({ replicas: 0 }));
  await expect.poll(() => namespace.reason("again"), patient).toBe("ScaledToZero");
});

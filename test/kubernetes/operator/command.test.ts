/** `kgents operator`: --once, probes, and what it refuses. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { type CommandLine, createCommandLine } from "../../support/command-line.ts";
import { freePort } from "../../support/dev-server.ts";
import { cluster } from "../support.ts";
import { type AgentNamespace, createAgentNamespace, sleeping, startTestOperator } from "./scene.ts";

let commands: CommandLine;
let namespace: AgentNamespace;
beforeAll(async () => {
  commands = await createCommandLine({ environment: { KUBECONFIG: cluster.kubeconfig } });
  namespace = await createAgentNamespace();
});
afterAll(async () => {
  await namespace[Symbol.asyncDispose]();
  await commands[Symbol.asyncDispose]();
});

test("--once reconciles every Agent, and leaves those of a leader to it", async () => {
  for (const name of ["one", "two"]) await namespace.applyAgent(name, sleeping({ replicas: 0 }));
  const once = () => commands.run(["operator", "--once", "--namespace", namespace.name]);
  const { code, stderr } = await once();
  expect(code, stderr).toBe(0);
  for (const name of ["one", "two"]) expect(await namespace.get("Deployment", name)).toBeDefined();
  expect(await namespace.reason("one", "Accepted")).toBe("Accepted");
  await using operator = await startTestOperator(namespace.name);
  await expect.poll(operator.isLeader).toBe(true);
  const beside = await once();
  expect(beside.code).toBe(0);
  expect(beside.stderr).toContain(`"leader":"${operator.identity}"`);
  expect(beside.stderr).not.toContain('"outcome"');
});

test("--once ends with 1 if an Agent cannot be reconciled", async () => {
  const readable = { "kgents.io": "agents", "coordination.k8s.io": "leases", "": "namespaces" };
  const rules = Object.entries(readable).map(([group, resource]) => ({
    ...{ apiGroups: [group], resources: [resource], verbs: ["get", "list"] },
  }));
  const account = { kind: "ServiceAccount", name: "reader" };
  const api = "rbac.authorization.k8s.io";
  const objects = [
    { apiVersion: "v1", kind: "ServiceAccount", metadata: { name: "reader" } },
    { apiVersion: `${api}/v1`, kind: "Role", metadata: { name: "reader" }, rules },
    {
      ...{ apiVersion: `${api}/v1`, kind: "RoleBinding", metadata: { name: "reader" }, subjects: [account] },
      roleRef: { apiGroup: api, kind: "Role", name: "reader" },
    },
  ];
  for (const object of objects) await namespace.objects.apply<object>(object, { fieldManager: "test" });
  const token = (await namespace.kubectl("create", "token", "reader")).trim();
  const config = JSON.parse(await namespace.kubectl("config", "view", "--raw", "-o", "json"));
  const kubeconfig = await commands.file(
    "reader.json",
    JSON.stringify({ ...config, users: [{ name: config.users[0].name, user: { token } }] }),
  );
  const args = ["operator", "--once", "--namespace", namespace.name];
  const { code, stderr } = await commands.run(args, { environment: { KUBECONFIG: kubeconfig } });
  expect(code, stderr).toBe(1);
  expect(stderr).toMatch(/"an Agent could not be reconciled"/);
  expect(stderr).toContain("is forbidden");
});

test("it is ready when it sees everything, and says why not", async () => {
  const port = await freePort();
  const operator = commands.start(["operator", "--namespace", namespace.name, "--health-port", String(port)]);
  const probe = async (path: string) => (await fetch(`http://127.0.0.1:${port}${path}`).catch(() => undefined))?.status;
  await expect.poll(() => probe("/healthz")).toBe(200);
  await expect.poll(() => probe("/readyz")).toBe(200);
  operator.child.kill("SIGTERM");
  expect((await operator.ended).code).toBe(0);
});

test.each([
  [["--namespace", "Wrong_Name"], 2, "--namespace"],
  [["--all-namespaces", "--namespace", "a"], 2, "--all-namespaces: got --namespace beside it"],
  [["--context", "nowhere"], 125, "nowhere"],
])("%j is refused", async (flags, exit, words) => {
  const { code, stderr } = await commands.run(["operator", ...flags]);
  expect(code, stderr).toBe(exit);
  expect(stderr).toContain(words);
});

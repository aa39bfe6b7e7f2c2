/** Operators in the cluster, from deploy/operator and the Dockerfile's image. */
import { cp, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { until } from "../../kubernetes/moments.ts";
import { cluster, kubectl, node } from "../../kubernetes/support.ts";
import { createCommandLine } from "../../support/command-line.ts";
import { root } from "../compose-file.ts";
import { buildWorkerImage } from "./image.ts";

const tag = "kgents:0.1.0";
const agents = "kgents-agents";
const operators = "kgents-operator";

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "kgents-operator-"));
  await node().importImage(await buildWorkerImage(node().images, tag));
  await using commands = await createCommandLine({ environment: { KUBECONFIG: cluster.kubeconfig } });
  const { code, stderr } = await commands.run(["infra", "init", "--agents", "--yes"]);
  expect(code, stderr).toBe(0);
  await cp(join(root, "deploy/operator"), join(directory, "operator"), { recursive: true });
  // JSON is valid YAML.
  await mkdir(join(directory, "test"));
  const overlay = { apiVersion: "kustomize.config.k8s.io/v1beta1", kind: "Kustomization", resources: ["../operator"] };
  await writeFile(join(directory, "test/kustomization.yaml"), JSON.stringify(overlay));
  await kubectl(["apply", "-k", join(directory, "test")]);
  await kubectl(["-n", operators, "rollout", "status", "deployment/kgents-operator", "--timeout=300s"]);
}, 900_000);
afterAll(async () => {
  await kubectl(["delete", "namespace", "--ignore-not-found", "--wait=false", agents, operators]);
  await rm(directory, { recursive: true, force: true });
}, 120_000);

const jsonpath = async (what: readonly string[], path: string): Promise<string> =>
  (await cluster.kubectl(["-n", agents, "get", ...what, "-o", `jsonpath=${path}`])).stdout;

const leader = (): Promise<string> => jsonpath(["lease", "kgents-operator"], "{.spec.holderIdentity}");

const podsOf = async (): Promise<string[]> => {
  const args = ["-n", operators, "get", "pods", "-l", "app.kubernetes.io/name=kgents-operator", "-o", "name"];
  return (await kubectl(args))
    .split("\n")
    .filter((name) => name !== "")
    .map((name) => name.replace("pod/", ""));
};

const reason = (name: string): Promise<string> =>
  jsonpath(["agents.kgents.io", name], '{.status.conditions[?(@.type=="Ready")].reason}');

async function applyAgent(name: string): Promise<void> {
  const resources = { cpu: "100m", memory: "64Mi", requests: { cpu: "10m", memory: "16Mi" } };
  const spec = {
    genus: "B",
    command: ["sh", "-c", "exec sleep 2147483647"],
    resources,
    terminationGracePeriodSeconds: 0,
  };
  const agent = { apiVersion: "kgents.io/v1", kind: "Agent", metadata: { name, namespace: agents }, spec };
  await kubectl(["apply", "-f", "-"], JSON.stringify(agent));
}

test("two operators, one of which leads; an Agent runs", async () => {
  expect(await podsOf()).toHaveLength(2);
  await applyAgent("first");
  await until("the Agent is available", async () => (await reason("first")) === "Available", 200);
  expect((await podsOf()).some(async (pod) => (await leader()).startsWith(pod))).toBe(true);
});

test("the leader's pod is deleted: the other leads, and goes on", async () => {
  const before = await leader();
  const pod = (await podsOf()).find((name) => before.startsWith(name)) ?? "";
  await kubectl(["-n", operators, "delete", "pod", pod, "--wait=false"]);
  await until("another leader", async () => !["", before].includes(await leader()), 100);
  await applyAgent("second");
  await until("the Agent is available", async () => (await reason("second")) === "Available", 200);
});

describe("the rights of an operator's pod", () => {
  const account = `system:serviceaccount:${operators}:kgents-operator`;
  const may = async (verb: string, what: string, namespace: string): Promise<boolean> => {
    const [resource = "", subresource = ""] = what.split("/");
    const asked = ["auth", "can-i", verb, resource, `--subresource=${subresource}`, "-n", namespace, "--as", account];
    return (await cluster.kubectl(asked)).code === 0;
  };
  const children = [
    "serviceaccounts",
    "configmaps",
    "services",
    "deployments.apps",
    "networkpolicies.networking.k8s.io",
  ];

  test("it may do its table", async () => {
    const asked: [verb: string, what: string][] = [
      ...["get", "list", "watch"].map((verb): [string, string] => [verb, "agents.kgents.io"]),
      ["patch", "agents.kgents.io/status"],
      ...children.flatMap((what) =>
        ["get", "list", "watch", "create", "patch", "delete"].map((verb): [string, string] => [verb, what]),
      ),
      ["list", "pods"],
      ["create", "events.events.k8s.io"],
      ["create", "leases.coordination.k8s.io"],
    ];
    for (const [verb, what] of asked) expect(await may(verb, what, agents), `${verb} ${what}`).toBe(true);
  });

  test("it may do nothing else", async () => {
    const asked: [verb: string, what: string, namespace: string][] = [
      ["get", "secrets", agents],
      ["create", "pods", agents],
      ["create", "pods/exec", agents],
      ["delete", "pods", agents],
      ["patch", "agents.kgents.io", agents],
      ["delete", "agents.kgents.io", agents],
      ["create", "serviceaccounts/token", agents],
      ["create", "roles.rbac.authorization.k8s.io", agents],
      ["get", "secrets", operators],
      ["get", "leases.coordination.k8s.io", operators],
      ["get", "pods", "kgents-ephemeral"],
      ["list", "agents.kgents.io", "default"],
      ["list", "nodes", "default"],
      ["patch", "customresourcedefinitions.apiextensions.k8s.io", "default"],
    ];
    for (const [verb, what, namespace] of asked) {
      expect(await may(verb, what, namespace), `${verb} ${what} in ${namespace}`).toBe(false);
    }
  });
});

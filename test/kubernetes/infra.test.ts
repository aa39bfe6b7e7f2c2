/** The life cycle of a prepared cluster: `kgents infra init`, `status` and `destroy`, by the built command line. */
import { once } from "node:events";
import { createServer } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createClusterClient } from "#cells/kubernetes/api/cluster-client";
import { cellAdmission } from "#cells/kubernetes/infra/admission";
import { loadManifests } from "#cells/kubernetes/infra/manifests";
import { planInit } from "#cells/kubernetes/infra/plan";
import { planInWords } from "#client/cli/infra/format-infra";
import { managedByKgents, managedByLabel } from "#core/manifest/cluster-names";
import type { CommandLine, Ended } from "../support/command-line.ts";
import { apiProxy } from "./api-proxy.ts";
import { cluster, createTerminal, freshName, kubectl, namesOf, removeNamespaces } from "./infra-support.ts";

let terminal: CommandLine;
const [namespace, foreign, lookAlike] = [freshName(), freshName(), freshName()];
beforeAll(async () => {
  terminal = await createTerminal();
  for (const name of [foreign, lookAlike]) await kubectl(["create", "namespace", name]);
});
afterAll(async () => {
  await removeNamespaces([namespace, foreign, lookAlike]);
  await terminal[Symbol.asyncDispose]();
});

const infra = (command: string, name: string, ...more: string[]): Promise<Ended> =>
  terminal.run(["infra", command, "--namespace", name, ...more]);

async function statusOf(name: string) {
  const { code, stdout, stderr } = await infra("status", name, "--json");
  expect(stderr).toBe("");
  return { code, ...JSON.parse(stdout) };
}

const admissionName = `kgents-cells.${namespace}`;

/** Everything that init creates. */
const made = [
  ...["Namespace", "NetworkPolicy kgents-deny-all", "NetworkPolicy kgents-public-egress"],
  ...["ResourceQuota kgents-cells", "LimitRange kgents-cells"],
  ...["ServiceAccount default", "ServiceAccount kgents-worker", "Role kgents-worker", "RoleBinding kgents-worker"],
  ...[`ValidatingAdmissionPolicy ${admissionName}`, `ValidatingAdmissionPolicyBinding ${admissionName}`],
];

const actionsIn = ({ objects }: { objects: { kind: string; name: string; action: string }[] }) =>
  Object.fromEntries(
    objects.map(({ kind, name, action }) => [kind === "Namespace" ? kind : `${kind} ${name}`, action]),
  );

const all = (action: string) => Object.fromEntries(made.map((title) => [title, action]));

describe("from an unprepared cluster to none again", () => {
  test("status before: not usable, and it says what to do", async () => {
    expect(await statusOf(namespace)).toMatchObject({
      code: 1,
      usable: false,
      problems: [`there is no namespace ${namespace}: run \`kgents infra init\``],
      version: expect.stringMatching(/^v1\./),
      namespace: { name: namespace, state: "missing" },
      networkIsolation: null,
      missingAccess: [],
      temporal: { running: false },
    });
  });

  test("init without a terminal and without --yes changes nothing", async () => {
    const { code, stdout, stderr } = await infra("init", namespace);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toBe(
      "kgents: --yes: it is required, because there is no terminal to ask for confirmation; nothing was changed\n        Pass --yes to skip the confirmation.\n",
    );
    expect((await cluster.kubectl(["get", "namespace", namespace])).code).toBe(1);
  });

  test("init creates everything, and finds that the cluster isolates", async () => {
    const { code, stdout, stderr } = await infra("init", namespace, "--yes", "--json");
    expect(code, stderr).toBe(0);
    const report = JSON.parse(stdout);
    expect(report).toMatchObject({ namespace, networkIsolation: { isolation: "enforced", reason: null } });
    expect(actionsIn(report)).toEqual(all("create"));
    expect(stderr).toContain(`namespace ${namespace}:\n        Namespace ${namespace}: create\n`);
    expect(stderr).toContain("kgents: network isolation is enforced: the cluster is ready for runs\n");
  });

  test("what is in the cluster is what the files say, field by field", async () => {
    for (const manifest of await loadManifests(namespace)) {
      const { kind, metadata } = manifest;
      const live = await kubectl(["-n", namespace, "get", kind, metadata.name, "-o", "json"]);
      expect(JSON.parse(live)).toMatchObject(manifest);
    }
  });

  test("status after: usable, with everything that a person asks about", async () => {
    const status = await statusOf(namespace);
    expect(status).toMatchObject({
      code: 0,
      usable: true,
      problems: [],
      namespace: { name: namespace, state: "ready" },
      networkIsolation: { isolation: "enforced", checkedAt: expect.stringMatching(/^20.*Z$/) },
      admission: "enforced",
      cells: { running: 0, finished: 0 },
      missingAccess: [],
      images: { nodes: expect.any(Number), images: expect.arrayContaining([{ image: "busybox:1.37", nodes: 1 }]) },
      unreadable: {},
    });
    expect(status.networkIsolation.ageSeconds).toBeLessThan(60);
    expect(status.quota).toContainEqual({ resource: "pods", used: "0", hard: "100" });
    const { code, stdout } = await infra("status", namespace);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^Isolation {2}enforced, checked \d+ seconds? ago$/m);
    expect(stdout).toMatch(/^Usable\.\n$/m);
  });

  test("a second init finds nothing to change, keeps the verdict until it has a new one, and dates it anew", async () => {
    const before = (await statusOf(namespace)).networkIsolation.checkedAt;
    const { code, stdout } = await infra("init", namespace, "--yes", "--json");
    expect(code).toBe(0);
    expect(actionsIn(JSON.parse(stdout))).toEqual(all("unchanged"));
    const { isolation, checkedAt } = (await statusOf(namespace)).networkIsolation;
    expect(isolation).toBe("enforced");
    expect(Date.parse(checkedAt)).toBeGreaterThan(Date.parse(before));
  });

  test("init puts right what isolates, and leaves the numbers that an operator set", async () => {
    await kubectl(["-n", namespace, "delete", "networkpolicy", "kgents-deny-all"]);
    await kubectl(["delete", "validatingadmissionpolicybinding", admissionName]);
    expect((await statusOf(namespace)).admission).toBe("missing");
    const open = { spec: { podSelector: {}, egress: [{}] } };
    const patch = (kind: string, name: string, change: object) =>
      kubectl(["-n", namespace, "patch", kind, name, "--type=merge", "-p", JSON.stringify(change)]);
    await patch("networkpolicy", "kgents-public-egress", open);
    await patch("resourcequota", "kgents-cells", { spec: { hard: { pods: "7" } } });
    await kubectl(["label", "namespace", namespace, "--overwrite", "pod-security.kubernetes.io/enforce=privileged"]);
    const { code, stdout, stderr } = await infra("init", namespace, "--yes", "--json");
    expect(code, stderr).toBe(0);
    expect(actionsIn(JSON.parse(stdout))).toEqual({
      ...all("unchanged"),
      Namespace: "change",
      "NetworkPolicy kgents-deny-all": "create",
      [`ValidatingAdmissionPolicyBinding ${admissionName}`]: "create",
      "NetworkPolicy kgents-public-egress": "change",
      "ResourceQuota kgents-cells": "keep",
    });
    expect((await statusOf(namespace)).quota).toContainEqual({ resource: "pods", used: "0", hard: "7" });
    const policy = await kubectl(["-n", namespace, "get", "networkpolicy", "kgents-public-egress", "-o", "json"]);
    expect(JSON.parse(policy).spec.podSelector).toEqual({ matchLabels: { "kgents.io/network": "true" } });
  });

  test("destroy refuses while others' objects are there", async () => {
    await kubectl(["-n", namespace, "create", "configmap", "precious"]);
    const { code, stderr } = await infra("destroy", namespace, "--yes");
    expect(code).toBe(2);
    expect(stderr).toContain(`--namespace: ${namespace} holds what kgents did not make: ConfigMap precious\n`);
    await kubectl(["-n", namespace, "delete", "configmap", "precious"]);
  });

  test("destroy without a terminal and without --yes removes nothing", async () => {
    expect(await infra("destroy", namespace)).toMatchObject({ code: 2, stdout: "" });
    expect((await statusOf(namespace)).code).toBe(0);
  });

  test("destroy leaves nothing, and leaves alone what only looks like it", async () => {
    // The same names, in a namespace that kgents did not create.
    await kubectl(["-n", lookAlike, "create", "serviceaccount", "kgents-worker"]);
    await kubectl(["label", "namespace", lookAlike, "app.kubernetes.io/part-of=kgents"]);
    const before = await namesOf(lookAlike, "serviceaccount,configmap");
    expect(await infra("destroy", lookAlike, "--yes")).toMatchObject({ code: 2 });
    const { code, stderr } = await infra("destroy", namespace, "--yes");
    expect(code, stderr).toBe(0);
    expect(stderr).toContain(`kgents: ${namespace} is removed\n`);
    expect((await cluster.kubectl(["get", "namespace", namespace])).stderr).toContain("NotFound");
    expect(await namesOf(lookAlike, "serviceaccount,configmap")).toEqual(before);
    expect(await kubectl(["get", "clusterroles,clusterrolebindings", "-o", "name"])).not.toContain("kgents");
    const admission = "validatingadmissionpolicies,validatingadmissionpolicybindings";
    expect(await kubectl(["get", admission, "-o", "name"])).not.toContain(namespace);
  });

  test("destroy takes away what an earlier one left outside of the namespace, and nobody else's", async () => {
    const [policy] = (await loadManifests(namespace)).filter(({ kind }) => kind === "ValidatingAdmissionPolicy");
    await kubectl(["create", "-f", "-"], policy);
    expect(await infra("destroy", namespace, "--yes")).toMatchObject({ code: 0 });
    const left = () => kubectl(["get", "validatingadmissionpolicies", "-o", "name"]);
    expect(await left()).not.toContain(namespace);
    await kubectl(["create", "-f", "-"], { ...policy, metadata: { name: admissionName } });
    expect((await infra("destroy", namespace, "--yes")).stderr).toContain(`there is no namespace ${namespace} in `);
    expect(await left()).toContain(namespace);
    await kubectl(["delete", "validatingadmissionpolicy", admissionName]);
  });

  test("destroy with nothing there is no error", async () => {
    const { code, stderr } = await infra("destroy", namespace, "--yes");
    expect(code).toBe(0);
    expect(stderr).toContain(`there is no namespace ${namespace} in `);
  });
});

test("an API server without admission policies: they are left out, and it is said", async () => {
  const kubeconfig = await terminal.file("old.json", "");
  // The cluster's own server, but listing its kinds like one before Kubernetes 1.30.
  await using _old = await apiProxy(kubeconfig, undefined, { withoutKinds: ["ValidatingAdmissionPolicy"] });
  const client = await createClusterClient({ kubeconfig, namespace });
  const plan = await planInit(client, await loadManifests(namespace));
  expect(
    actionsIn({ objects: plan.map(({ manifest, action }) => ({ ...manifest, ...manifest.metadata, action })) }),
  ).toEqual({
    ...all("create"),
    [`ValidatingAdmissionPolicy ${admissionName}`]: "unsupported",
    [`ValidatingAdmissionPolicyBinding ${admissionName}`]: "unsupported",
  });
  expect(await cellAdmission(client)).toBe("unsupported");
  expect(planInWords({ ...client, version: "v1.29.0" }, plan)).toContain(
    `ValidatingAdmissionPolicy ${admissionName}: skip: it needs Kubernetes 1.30 or newer`,
  );
});

describe("what is not ours, or not there", () => {
  test.each(["init", "destroy"])("%s leaves a foreign namespace alone", async (command) => {
    const { code, stderr } = await infra(command, foreign, "--yes");
    expect(code).toBe(2);
    expect(stderr).toContain(
      `kgents: --namespace: ${foreign} was not made by kgents (it has no label ${managedByLabel}=${managedByKgents})`,
    );
    expect(await namesOf(foreign, "networkpolicy,role,resourcequota")).toEqual([]);
  });

  test("status says that a namespace is another's", async () => {
    expect(await statusOf(foreign)).toMatchObject({ code: 1, namespace: { state: "foreign" } });
  });

  test("a server that takes connections and never answers is given up within seconds", async () => {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const address = server.address();
    if (address === null || typeof address === "string") throw new Error("no port");
    const kubeconfig = await terminal.file(
      "silent.json",
      JSON.stringify({
        ...{ apiVersion: "v1", kind: "Config", "current-context": "silent" },
        clusters: [{ name: "silent", cluster: { server: `https://127.0.0.1:${address.port}` } }],
        contexts: [{ name: "silent", context: { cluster: "silent", user: "nobody" } }],
        users: [{ name: "nobody", user: {} }],
      }),
    );
    for (const command of [
      ["status", "--json"],
      ["init", "--yes"],
      ["destroy", "--yes"],
    ]) {
      const began = performance.now();
      const { code, stderr } = await terminal.run(["infra", ...command], { environment: { KUBECONFIG: kubeconfig } });
      expect(performance.now() - began).toBeLessThan(20_000);
      expect(code).toBe(125);
      expect(stderr).toBe(
        `kgents: the cluster at https://127.0.0.1:${address.port} (context silent) does not answer: no answer came in time\n        Check that it runs and can be reached from here, or name another context with --context.\n`,
      );
    }
    server.close();
  });

  test("no kubeconfig, and a context that does not exist", async () => {
    const without = await terminal.run(["infra", "status"], { environment: { KUBECONFIG: "/nonexistent" } });
    expect(without).toMatchObject({ code: 125, stdout: "" });
    expect(without.stderr).toContain("kgents: no cluster is configured: there is no kubeconfig\n");
    expect(without.stderr).toContain("or make a local cluster with `kgents infra init --kind`.\n");
    const { code, stderr } = await infra("init", namespace, "--yes", "--context", "elsewhere");
    expect(code).toBe(125);
    expect(stderr).toContain('kgents: the kubeconfig has no context "elsewhere"; it has ');
  });

  test("--kind without kind on PATH", async () => {
    const environment = { PATH: "/nonexistent" };
    const { code, stderr } = await terminal.run(["infra", "init", "--kind", "--yes"], { environment });
    expect(code).toBe(125);
    expect(stderr).toContain("kgents: --kind needs the program kind, which is not on PATH\n");
  });

  test.each([
    [["init", "--namespace", "Not_A_Name"], "Allowed is 1 to 63 of a-z 0-9 -", "See `kgents infra init --help`."],
    [["status", "--jsn"], "unknown option '--jsn' (did you mean --json?)", "See `kgents infra status --help`."],
    [["destory"], "unknown command 'destory' (did you mean destroy?)", "See `kgents infra --help`."],
  ])("wrong usage: %j", async (args, message, remedy) => {
    const { code, stdout, stderr } = await terminal.run(["infra", ...args]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toContain(message);
    expect(stderr).toContain(remedy);
  });
});

/** The Role of deploy/: a worker's token allows everything that a worker does, and nothing else. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { builtInLanguages, findLanguage } from "#core/contract/language";
import { validateRequest } from "#core/contract/parse-request";
import {
  cellLabel,
  instanceLabel,
  networkIsolationAnnotation,
  runIdAnnotation,
  workflowIdAnnotation,
} from "#core/manifest/cluster-names";
import { jobOfRequest } from "#core/manifest/manifest";
import type { NodeControl } from "../cluster/types.ts";
import type { CommandLine } from "../support/command-line.ts";
import { cluster, createTerminal, freshName, removeNamespaces } from "./infra-support.ts";
import {
  type ChangedJob,
  cellShapes,
  otherShapes,
  permissions,
  permittedShapes,
  unpermittedShapes,
} from "./job-shapes.ts";
import { cellNamespace } from "./support.ts";

const namespace = freshName();
const other = freshName();
const code = { code: "print(1)", language: "python" };

const job = async (name: string) => {
  const spec = validateRequest(code);
  return jobOfRequest(spec, findLanguage(builtInLanguages, spec.language), {
    ...{ name, namespace },
    labels: { [instanceLabel]: "test", [cellLabel]: name },
    annotations: { [workflowIdAnnotation]: name, [runIdAnnotation]: "1" },
  });
};

function testsOfNode(node: NodeControl): void {
  let terminal: CommandLine;
  let worker: string;
  let nobody: string;
  beforeAll(async () => {
    terminal = await createTerminal();
    for (const name of [namespace, other]) {
      const { code: exit, stderr } = await terminal.run(["infra", "init", "--namespace", name, "--yes"]);
      expect(exit, stderr).toBe(0);
    }
    const kubeconfigOf = async (serviceAccount: string) =>
      node.kubeconfigWith({
        token: await node.signToken({ namespace, serviceAccount, expiresAt: new Date(Date.now() + 600_000) }),
      });
    [worker, nobody] = [await kubeconfigOf("kgents-worker"), await kubeconfigOf("default")];
  });
  afterAll(async () => {
    await removeNamespaces([namespace, other]);
    await terminal[Symbol.asyncDispose]();
  });

  const asWorker = (args: readonly string[], input?: object) =>
    cluster.kubectl(["--kubeconfig", worker, "-n", namespace, ...args], input ? { input: JSON.stringify(input) } : {});

  async function allowed(args: readonly string[], input?: object): Promise<string> {
    const { code: exit, stdout, stderr } = await asWorker(args, input);
    expect(exit, `${args.join(" ")}: ${stderr}`).toBe(0);
    return stdout;
  }

  test("a worker creates a cell, looks at it, runs something in it, and takes it away", async () => {
    await allowed(["create", "-f", "-"], await job("cell-1"));
    expect(await allowed(["get", "jobs", "-o", "name"])).toBe("job.batch/cell-1\n");
    await allowed(["wait", "pod", "-l", `${cellLabel}=cell-1`, "--for=condition=Ready", "--timeout=50s"]);
    const pod = (await allowed(["get", "pods", "-l", `${cellLabel}=cell-1`, "-o", "name"])).trim();
    expect(await allowed(["exec", pod, "--", "sh", "-c", "ls /var/run/secrets 2>&1 || echo none; id -u"])).toMatch(
      /none\n2013265920\n$/,
    );
    expect(await allowed(["get", "events", "-o", "name"])).toContain("event/cell-1");
    expect(await allowed(["get", "resourcequotas", "-o", "json"])).toContain('"pods": "1"');
    expect(await allowed(["get", "namespace", namespace, "-o", "json"])).toContain(networkIsolationAnnotation);
    await allowed(["delete", pod, "--grace-period=0", "--force", "--wait=false"]);
    await allowed(["delete", "job/cell-1", "--wait=false"]);
  });

  test("exec with a worker's rights, in what init prepared: code runs, and reaches nothing", async () => {
    const settings = `worker: { kubernetes: { namespace: ${namespace} } }`;
    const environment = { KUBECONFIG: worker, KGENTS_CONFIG: await terminal.file("worker.yaml", settings) };
    const program = "nc -w 2 10.96.0.1 443 < /dev/null 2> /dev/null; echo $?";
    const exec = ["exec", "--quiet", "--backend", "kubernetes", "--lang", "sh", "--code", program];
    expect(await terminal.run(exec, { environment })).toMatchObject({ code: 0, stdout: "1\n", stderr: "" });
  });

  const manifest = { metadata: { name: "mine" } };
  const pod = {
    apiVersion: "v1",
    kind: "Pod",
    ...manifest,
    spec: { containers: [{ name: "a", image: "busybox:1.37" }] },
  };
  const forbidden: [what: string, args: string[], input?: object][] = [
    ["create a pod", ["create", "-f", "-"], pod],
    ["read a secret", ["get", "secrets"]],
    ["make itself a token", ["create", "token", "kgents-worker"]],
    ["change a policy", ["delete", "networkpolicy", "kgents-deny-all"]],
    ["change its Role", ["patch", "role", "kgents-worker", "-p", '{"rules":[]}']],
    ["raise the quota", ["delete", "resourcequota", "kgents-cells"]],
    [
      "forge the verdict",
      ["annotate", "namespace", namespace, "--overwrite", `${networkIsolationAnnotation}=enforced`],
    ],
    ["permit itself a priority class", ["annotate", "namespace", namespace, "kgents.io/allowed-priority-classes=x"]],
    ["remove the namespace", ["delete", "namespace", namespace]],
    ["read logs", ["get", "--raw", `/api/v1/namespaces/${namespace}/pods/any/log`]],
    ["read another namespace", ["get", "namespace", other]],
    ["list namespaces", ["get", "namespaces"]],
    ["see another namespace's Jobs", ["-n", other, "get", "jobs"]],
    ["see another namespace's pods", ["-n", other, "get", "pods"]],
    ["see the nodes", ["get", "nodes"]],
  ];
  test.each(forbidden)("a worker may not %s", async (_, args, input) => {
    const { code: exit, stderr } = await asWorker(args, input);
    expect(exit).not.toBe(0);
    expect(stderr).toMatch(/forbidden/i);
  });

  test("a worker may create cells, and no other Job", async () => {
    const items = await Promise.all(
      Object.entries({ ...cellShapes, ...otherShapes }).map(async ([name, change]) => {
        const item: ChangedJob = JSON.parse(JSON.stringify(await job(name)));
        change(item.spec.template.spec, item);
        return item;
      }),
    );
    const list = { apiVersion: "v1", kind: "List", items };
    const create = ["create", "--dry-run=server", "--validate=ignore", "-o", "name", "-f", "-"];
    const names = (shapes: object) => Object.keys(shapes).map((name) => `job.batch/${name}`);
    // The API server accepts each Job in another namespace, so here only the policy rejects it.
    const elsewhere = await cellNamespace();
    const plain = items.map(({ metadata, ...rest }) => ({
      ...rest,
      metadata: { ...metadata, namespace: elsewhere.name },
    }));
    const taken = await cluster.kubectl([...create], { input: JSON.stringify({ ...list, items: plain }) });
    await elsewhere[Symbol.asyncDispose]();
    expect(taken.stdout.trim().split("\n")).toEqual(names({ ...cellShapes, ...otherShapes }));
    const here = await asWorker(create, list);
    expect(here.stdout.trim().split("\n")).toEqual(names(cellShapes));
    const denied = here.stderr.match(/jobs\.batch "[^"]+" is forbidden: ValidatingAdmissionPolicy 'kgents-cells\./g);
    expect(denied?.map((line) => line.split('"')[1])).toEqual(Object.keys(otherShapes));
  });

  test("what annotations of the namespace permit, and nothing beyond", async () => {
    const annotate = (...annotations: string[]) =>
      cluster.kubectl(["annotate", "namespace", namespace, "--overwrite", ...annotations]);
    const create = async (shapes: typeof cellShapes) => {
      const items = await Promise.all(
        Object.entries(shapes).map(async ([name, change]) => {
          const item: ChangedJob = JSON.parse(JSON.stringify(await job(name)));
          change(item.spec.template.spec, item);
          return item;
        }),
      );
      const args = ["create", "--dry-run=server", "--validate=ignore", "-o", "name", "-f", "-"];
      const { stdout } = await asWorker(args, { apiVersion: "v1", kind: "List", items });
      return stdout.split("\n").flatMap((line) => line.replace("job.batch/", "") || []);
    };
    expect(await create(permittedShapes)).toEqual([]);
    expect((await annotate(...Object.entries(permissions).map((pair) => pair.join("=")))).code).toBe(0);
    // The API server learns of the annotation by a watch.
    await expect.poll(() => create(permittedShapes)).toEqual(Object.keys(permittedShapes));
    expect(await create(cellShapes)).toEqual(Object.keys(cellShapes));
    expect(await create(unpermittedShapes)).toEqual([]);
    const { "pull-secret": _, "a-device": __, ...others } = otherShapes;
    expect(await create(others)).toEqual([]);
    await annotate(...Object.keys(permissions).map((name) => `${name}-`));
  });

  test("status with a worker's credentials: usable, and what it may not see is said", async () => {
    const args = ["infra", "status", "--namespace", namespace];
    const environment = { KUBECONFIG: worker };
    const { code: exit, stdout } = await terminal.run([...args, "--json"], { environment });
    expect(JSON.parse(stdout)).toMatchObject({ usable: true, missingAccess: [], admission: null, images: null });
    expect(exit).toBe(0);
    const { stdout: words } = await terminal.run(args, { environment });
    expect(words).toMatch(/^Images {5}not readable: nodes is forbidden/m);
  });

  test("status with credentials that have no rights: each missing one is named", async () => {
    const environment = { KUBECONFIG: nobody };
    const { code: exit, stdout } = await terminal.run(["infra", "status", "--namespace", namespace, "--json"], {
      environment,
    });
    expect(exit).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({
      usable: false,
      namespace: { state: "unreadable" },
      missingAccess: expect.arrayContaining(["create jobs.batch", "create pods/exec", "get pods/exec", "watch pods"]),
      cells: null,
      quota: null,
      unreadable: { cells: expect.stringContaining("forbidden") },
    });
  });

  test("doctor names the rights that are missing of a worker's", async () => {
    const role = (verb: "create" | "delete", ...rules: string[]) =>
      cluster.kubectl(["-n", namespace, verb, "role", "half", ...rules]);
    expect(
      await role("create", "--verb=get,list,watch", "--resource=namespaces,jobs.batch,pods,resourcequotas"),
    ).toMatchObject({ code: 0 });
    await cluster.kubectl([
      "-n",
      namespace,
      "create",
      "rolebinding",
      "half",
      "--role=half",
      `--serviceaccount=${namespace}:default`,
    ]);
    const file = await terminal.file("half.yaml", JSON.stringify({ worker: { kubernetes: { namespace } } }));
    const { code: exit, stdout } = await terminal.run(["doctor", "--json", "--config", file], {
      environment: { KUBECONFIG: nobody },
    });
    await role("delete");
    await cluster.kubectl(["-n", namespace, "delete", "rolebinding", "half"]);
    expect(exit).toBe(1);
    expect(JSON.parse(stdout).checks).toContainEqual({
      ...{ name: "Rights", status: "failed", remedy: expect.stringContaining("deploy/cells/") },
      found: expect.stringMatching(/^these credentials may not create jobs\.batch, .*create pods\/exec/),
    });
  });

  test.each(["init", "destroy"])("%s without rights says so, and what to do", async (command) => {
    const environment = { KUBECONFIG: nobody };
    const { code: exit, stderr } = await terminal.run(["infra", command, "--namespace", namespace, "--yes"], {
      environment,
    });
    expect(exit).toBe(125);
    expect(stderr).toContain(`kgents: reading the namespace ${namespace}: namespaces "${namespace}" is forbidden`);
    expect(stderr).toContain("Ask an administrator of the cluster.");
  });

  test("an expired token is no mystery", async () => {
    const expiresAt = new Date(Date.now() - 60_000);
    const token = await node.signToken({ namespace, serviceAccount: "kgents-worker", expiresAt });
    const environment = { KUBECONFIG: await node.kubeconfigWith({ token }) };
    const { code: exit, stderr } = await terminal.run(["infra", "status"], { environment });
    expect(exit).toBe(125);
    expect(stderr).toContain("does not take the kubeconfig's credential\n");
  });

  test("destroy names the cells that run, and ends them only with --yes", async () => {
    await allowed(["create", "-f", "-"], await job("cell-3"));
    const status = await terminal.run(["infra", "status", "--namespace", namespace, "--json"]);
    expect(JSON.parse(status.stdout).cells).toMatchObject({ running: 1 });
    const { code: exit, stderr } = await terminal.run(["infra", "destroy", "--namespace", namespace, "--yes"]);
    expect(stderr).toMatch(/: 1 running cell, \d finished\n/);
    expect(exit, stderr).toBe(0);
    expect((await cluster.kubectl(["get", "namespace", namespace])).code).toBe(1);
  });
}

if (cluster.node) {
  const { node } = cluster;
  describe("the worker's Role", () => testsOfNode(node));
}

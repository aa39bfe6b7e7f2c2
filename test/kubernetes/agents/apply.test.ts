/** `kgents infra apply`, `delete` and `status` on a real API server, by the built command line. */
import { appendFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { rename, unlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, test } from "vitest";
import { agentCrd } from "#core/agents/crd";
import { agentCrdName } from "#core/agents/names";
import type { CommandLine, Ended, Running } from "../../support/command-line.ts";
import { createTerminal } from "../infra-support.ts";
import { denyByPolicy } from "../manifests.ts";
import { startTestOperator } from "../operator/scene.ts";
import { type CellNamespace, cellNamespace, cluster, kubectl } from "../support.ts";

let namespace: CellNamespace;
let terminal: CommandLine;
beforeAll(async () => {
  // It stays: other tests use it, too.
  await kubectl(["apply", "--server-side", "--force-conflicts", "-f", "-"], JSON.stringify(agentCrd()));
  await kubectl(["wait", "--for=condition=Established", `crd/${agentCrdName}`, "--timeout=60s"]);
  namespace = await cellNamespace();
  terminal = await createTerminal();
});
afterAll(async () => {
  await terminal?.[Symbol.asyncDispose]();
  await namespace?.[Symbol.asyncDispose]();
});

const resource = "agents.kgents.io";

/** A spec whose pod sleeps and ends at once. */
const spec = (name: string, more = "") => `---
genus: B
name: ${name}
command: [sh, -c, exec sleep 2147483647]
resources: { memory: 64Mi, requests: { cpu: 10m, memory: 16Mi } }
terminationGracePeriodSeconds: 0
${more}---
# ${name}
`;

let count = 0;
/** A directory of specs, and the commands in it. */
async function project(files: Readonly<Record<string, string>>) {
  count += 1;
  const at = `project-${count}`;
  for (const [name, text] of Object.entries(files)) await terminal.file(`${at}/spec/agents/${name}`, text);
  const directory = join(terminal.directory, at);
  const argumentsOf = (command: string, args: readonly string[]) => [
    ...["infra", command, ...args],
    ...["--namespace", namespace.name],
  ];
  return {
    path: (name: string) => join(directory, "spec/agents", name),
    write: (name: string, text: string) => writeFile(join(directory, "spec/agents", name), text),
    infra: (command: string, ...args: string[]): Promise<Ended> =>
      terminal.run(argumentsOf(command, args), { directory }),
    start: (command: string, ...args: string[]): Running => terminal.start(argumentsOf(command, args), { directory }),
  };
}

const agent = async (name: string) => JSON.parse(await namespace.kubectl("get", resource, name, "-o", "json"));
const exists = async (name: string): Promise<boolean> =>
  (await namespace.kubectl("get", resource, name, "--ignore-not-found", "-o", "name")) !== "";

/** Everything that an Agent consists of, with its versions. */
const versions = (): Promise<string> =>
  namespace.kubectl(
    ...["get", `${resource},serviceaccounts,configmaps,networkpolicies,services,deployments,leases`],
    ...["-o", "custom-columns=:kind,:metadata.name,:metadata.resourceVersion"],
  );

const withoutOperator = () =>
  `kgents: no operator works in ${namespace.name}: reconciled once, with your rights; nothing puts drift back; start \`kgents operator\`\n`;

describe("an Agent from its spec", () => {
  test("is applied, reconciled from here, ready, and gone again with its pods", async () => {
    const { infra, write } = await project({ "B-gent.md": spec("B-gent") });
    const applied = await infra("apply", "b", "--wait", "--json");
    expect(applied.code, applied.stderr).toBe(0);
    expect(applied.stderr).toContain(withoutOperator());
    expect(JSON.parse(applied.stdout)).toMatchObject({
      agents: [{ name: "b-gent", file: "spec/agents/B-gent.md", action: "created", generation: 1, ready: true }],
      reconciledHere: [namespace.name],
    });
    expect(await agent("b-gent")).toMatchObject({
      metadata: { annotations: { "kgents.io/spec-hash": expect.stringMatching(/^sha256:[0-9a-f]{64}$/) } },
      status: { phase: "Running", readyReplicas: 1, observedGeneration: 1 },
    });

    const again = await infra("apply", "B-GENT");
    expect(again).toMatchObject({ code: 0 });
    expect(again.stderr).toContain(`kgents: Agent ${namespace.name}/b-gent: unchanged\n`);

    await write("B-gent.md", spec("B-gent", "description: changed\n"));
    expect((await infra("apply", "--all")).stderr).toContain("/b-gent: changed\n");
    expect((await agent("b-gent")).spec.description).toBe("changed");

    const status = await terminal.run(["infra", "status", "--namespace", namespace.name]);
    expect(status.stdout).toMatch(new RegExp(`${namespace.name} +b-gent +B +1/1 +Running +Available`));
    expect(status.stdout).toContain(`Operator   none in ${namespace.name}: start \`kgents operator\`\n`);
    expect(status.stdout).toContain(`Isolation  enforced in ${namespace.name}\n`);

    expect(await infra("delete", "b")).toMatchObject({
      code: 0,
      stderr: expect.stringContaining(`kgents: Agent ${namespace.name}/b-gent: deleted\n`),
    });
    expect(await namespace.kubectl("get", "pods", "-l", "kgents.io/agent=b-gent", "-o", "name")).toBe("");
  });

  test("is waited for in vain: exit code 1", async () => {
    const { infra } = await project({ "broken.md": spec("broken", "image: 127.0.0.1:5001/none:1\n") });
    const { code, stderr } = await infra("apply", "broken", "--wait", "--timeout", "1s");
    expect(code, stderr).toBe(1);
    expect(stderr).toContain(`kgents: Agent ${namespace.name}/broken: not ready after 1 s\n`);
    expect((await infra("delete", "broken", "--no-wait")).code).toBe(0);
  });

  test("Ctrl-C ends only the waiting", async () => {
    const { start, infra } = await project({ "slow.md": spec("slow", "image: 127.0.0.1:5001/none:1\n") });
    const running = start("apply", "slow", "--wait", "--timeout", "10m");
    await running.says("stderr", "/slow: ImagePull");
    running.child.kill("SIGINT");
    const { code, stderr } = await running.ended;
    expect(code, stderr).toBe(130);
    expect(stderr).toContain("what was applied stays");
    expect(await exists("slow")).toBe(true);
    await infra("delete", "slow", "--no-wait");
  });

  test("as a placeholder, without a program", async () => {
    const { infra } = await project({
      "later.md": "---\ngenus: L\nname: later\nterminationGracePeriodSeconds: 0\n---\n",
    });
    expect((await infra("apply", "later")).code).toBe(2);
    const applied = await infra("apply", "later", "--placeholder", "--wait");
    expect(applied.code, applied.stderr).toBe(0);
    expect(applied.stderr).toMatch(/\/later: ready: a sleeping pod stands in for the program\n/);
    expect((await infra("delete", "--all", "--no-wait")).code).toBe(0);
  });
});

test("where an operator is live, it does the work, and status names it", async () => {
  const { infra } = await project({ "led.md": spec("led") });
  await using operator = await startTestOperator(namespace.name);
  await expect.poll(() => operator.isLeader()).toBe(true);
  const applied = await infra("apply", "led", "--wait");
  expect(applied.code, applied.stderr).toBe(0);
  expect(applied.stderr).not.toContain("no operator works");
  const { stdout } = await terminal.run(["infra", "status", "--namespace", namespace.name, "--json"]);
  expect(JSON.parse(stdout).agents).toMatchObject({
    agents: expect.arrayContaining([expect.objectContaining({ name: "led", phase: "Running", reason: "Available" })]),
    operators: expect.arrayContaining([
      expect.objectContaining({
        namespace: namespace.name,
        state: expect.objectContaining({ isLive: true }),
        isolation: expect.objectContaining({ isolation: "enforced" }),
      }),
    ]),
  });
  await infra("delete", "led", "--no-wait");
});

test("the example serves its own instructions", async () => {
  const directory = join(import.meta.dirname, "../../../examples/agents");
  const args = ["b-gent", "--namespace", namespace.name];
  const applied = await terminal.run(["infra", "apply", "--wait", ...args], { directory });
  expect(applied.code, applied.stderr).toBe(0);
  const program = "import urllib.request as u; print(u.urlopen('http://127.0.0.1:8080/spec.md').read().decode())";
  const served = await namespace.kubectl("exec", "deploy/b-gent", "--", "python", "-c", program);
  expect(served).toMatch(/^# B-gent\n\nEverything below the front matter is Markdown for people\./);
  expect((await terminal.run(["infra", "delete", ...args], { directory })).code).toBe(0);
});

describe("what the server refuses has its place in the file", () => {
  test("a field of another manager: shown, then taken over", async () => {
    const zero = spec("shared", "replicas: 0\n");
    const { infra, write } = await project({ "shared.md": zero });
    expect((await infra("apply", "shared")).code).toBe(0);
    await namespace.kubectl("scale", `${resource}/shared`, "--replicas=2");
    await write("shared.md", spec("shared", "description: x\nreplicas: 0\n"));
    const refused = await infra("apply", "shared", "--json");
    expect(refused.code, refused.stderr).toBe(1);
    expect(refused.stderr).toContain(
      `kgents: Agent ${namespace.name}/shared: refused
        spec/agents/shared.md:8:11: spec.replicas: is set by the field manager "kubectl"
        Remove the fields from the file, or take them over with --force-conflicts.\n`,
    );
    expect(JSON.parse(refused.stdout).agents).toMatchObject([
      { action: "refused", mistakes: [{ line: 8, column: 11 }] },
    ]);
    expect((await agent("shared")).spec).toMatchObject({ replicas: 2 });
    expect((await infra("apply", "shared", "--diff")).code).toBe(2);
    expect((await infra("apply", "shared", "--dry-run=server")).code).toBe(1);

    expect((await infra("apply", "shared", "--force-conflicts")).code).toBe(0);
    expect((await agent("shared")).spec).toMatchObject({ replicas: 0, description: "x" });
    // A field that the file no longer has is removed.
    await write("shared.md", zero);
    expect((await infra("apply", "shared")).code).toBe(0);
    expect((await agent("shared")).spec).not.toHaveProperty("description");
  });

  test("a rule that only the server can check; the other Agents are applied", async () => {
    const { infra, write } = await project({ "a.md": spec("fixed", "replicas: 0\n") });
    await infra("apply", "--all");
    await write("a.md", spec("fixed", "replicas: 0\n").replace("genus: B", "genus: C"));
    await write("b.md", spec("other", "replicas: 0\n"));
    const { code, stderr } = await infra("apply", "--all");
    expect(code, stderr).toBe(1);
    expect(stderr).toContain("        spec/agents/a.md:2:8: spec.genus: ");
    expect(stderr).toContain("genus is immutable");
    expect(await exists("other")).toBe(true);
  });

  test("mistakes in files: nothing is changed", async () => {
    const { infra } = await project({ "a.md": spec("never"), "b.md": spec("wrong", "replicas: 11\n") });
    const { code, stderr } = await infra("apply", "--all");
    expect({ code, stderr }).toEqual({
      code: 2,
      stderr:
        "spec/agents/b.md:7:11: replicas: got 11; allowed is a whole number from 0 to 10\nkgents: 1 mistake in 1 file; nothing was changed\n",
    });
    expect(await exists("never")).toBe(false);
  });

  test("a namespace that does not exist", async () => {
    const { infra } = await project({ "x.md": spec("x", "namespace: kgents-none\n") });
    const { code, stderr } = await terminal.run(["infra", "apply", join("project-none", "x.md")]);
    expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringContaining("there is no such file") });
    expect((await infra("apply", "x")).stderr).toContain('namespace: got "kgents-none"; --namespace says ');
  });
});

describe("with few rights", () => {
  /** A kubeconfig of an account with these rights in the namespace. */
  async function kubeconfigOf(name: string, rules: readonly object[]): Promise<string> {
    await namespace.kubectl("create", "serviceaccount", name);
    const metadata = { name };
    await namespace.apply({ apiVersion: "rbac.authorization.k8s.io/v1", kind: "Role", metadata, rules });
    await namespace.kubectl(
      "create",
      "rolebinding",
      name,
      `--role=${name}`,
      `--serviceaccount=${namespace.name}:${name}`,
    );
    const config = JSON.parse(await kubectl(["config", "view", "--raw", "--flatten", "-o", "json"]));
    const token = (await namespace.kubectl("create", "token", name)).trim();
    const users = config.users.map((user: object) => ({ ...user, user: { token } }));
    return terminal.file(`kubeconfig-${name}`, JSON.stringify({ ...config, users }));
  }

  const verbs = ["get", "list", "create", "patch"];

  test("an author of Agents: what may not be read is said", async () => {
    const { path } = await project({ "few.md": spec("few", "replicas: 0\n") });
    const rules = [{ apiGroups: ["kgents.io"], resources: ["agents"], verbs }];
    const environment = { KUBECONFIG: await kubeconfigOf("author", rules) };
    const args = ["infra", "apply", path("few.md"), "--namespace", namespace.name];
    const { code, stderr } = await terminal.run(args, { environment });
    expect(code, stderr).toBe(0);
    expect(stderr).toContain(`whether an operator works in ${namespace.name} cannot be read: `);
    expect(await exists("few")).toBe(true);
  });

  test("somebody without the right: refused, exit code 125", async () => {
    const { path } = await project({ "none.md": spec("none") });
    const environment = { KUBECONFIG: await kubeconfigOf("nobody", []) };
    const args = ["infra", "apply", path("none.md"), "--namespace", namespace.name];
    const { code, stderr } = await terminal.run(args, { environment });
    expect({ code, stderr }).toEqual({ code: 125, stderr: expect.stringContaining("cannot get resource") });
    expect(stderr).toContain("Ask an administrator of the cluster for the right.");
    const status = await terminal.run(["infra", "status", "--namespace", namespace.name], { environment });
    expect(status.stdout).toMatch(/^Agents +not readable: .*cannot list resource/m);
  });
});

describe("dry runs and differences write nothing", () => {
  test("on the server, with every exit code", async () => {
    const { infra, write } = await project({ "dry.md": spec("dry", "replicas: 0\n") });
    expect(await infra("apply", "dry", "--diff")).toMatchObject({
      code: 1,
      stdout: expect.stringContaining("+kind: Deployment"),
    });
    expect(await exists("dry")).toBe(false);
    expect((await infra("apply", "dry")).code).toBe(0);
    const before = await versions();
    expect(await infra("apply", "dry", "--diff")).toMatchObject({ code: 0, stdout: "" });

    await write("dry.md", spec("dry", "replicas: 2\nport: 9000\n"));
    const difference = await infra("apply", "dry", "--diff");
    expect(difference.code, difference.stderr).toBe(1);
    expect(difference.stdout).toMatch(/^--- live Agent dry\n\+\+\+ new Agent dry\n/);
    expect(difference.stdout).toContain("\n-  replicas: 0\n+  replicas: 2\n");
    expect(difference.stdout).toContain("--- live Service dry\n");

    const dry = await infra("apply", "dry", "--dry-run=server", "--json");
    expect(dry.code, dry.stderr).toBe(0);
    expect(dry.stderr).toContain("kgents: Deployment dry: would be changed\n");
    expect(JSON.parse(dry.stdout).agents).toMatchObject([{ name: "dry", action: "changed" }]);
    expect(await versions()).toBe(before);
  });

  test("on the server, with its warnings", async () => {
    const { infra } = await project({ "warned.md": spec("warned") });
    const policy = JSON.stringify(denyByPolicy(namespace.name, "deployments", "Warn"));
    await kubectl(["apply", "-f", "-"], policy);
    // A policy takes effect after a moment.
    const words = async (): Promise<string> => (await infra("apply", "warned", "--dry-run=server")).stderr;
    await expect
      .poll(words)
      .toMatch(/Deployment warned: would be created\n *Warning: Validation failed .*: the tests do not want it\n/);
    const { code, stdout } = await infra("apply", "warned", "--dry-run=server", "--json");
    await kubectl(["delete", "-f", "-"], policy);
    expect(code).toBe(0);
    const { objects } = JSON.parse(stdout).agents[0] as { objects: { kind: string; warnings: string[] }[] };
    const warned = objects.filter(({ warnings }) => warnings.length > 0);
    expect(warned).toMatchObject([
      { kind: "Deployment", warnings: [expect.stringContaining("the tests do not want it")] },
    ]);
    expect(await exists("warned")).toBe(false);
  });

  test("without a cluster: the Agent and all objects, which the server accepts", async () => {
    const { infra, path } = await project({ "here.md": spec("here") });
    const environment = { KUBECONFIG: path("no-kubeconfig"), HOME: terminal.directory };
    const args = ["infra", "apply", path("here.md"), "--dry-run", "--namespace", namespace.name];
    const { code, stdout, stderr } = await terminal.run(args, { environment });
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout.match(/^kind: .*$/gm)).toEqual([
      ...["kind: Agent", "kind: ServiceAccount", "kind: ConfigMap", "kind: NetworkPolicy"],
      ...["kind: Service", "kind: Deployment"],
    ]);
    await kubectl(["apply", "--server-side", "--dry-run=server", "-f", "-"], stdout);
    expect(await exists("here")).toBe(false);
    const generated = await infra("generate", path("here.md"));
    const piped = await terminal.run(["infra", "apply", "-", "--dry-run=server"], { input: generated.stdout });
    expect(piped.code, piped.stderr).toBe(0);
  });

  test("an object of somebody else is in the way", async () => {
    const { infra } = await project({ "taken.md": spec("taken", "replicas: 0\n") });
    await namespace.kubectl("create", "service", "clusterip", "taken", "--tcp=80:80");
    const { code, stderr } = await infra("apply", "taken", "--dry-run=server");
    expect(code, stderr).toBe(1);
    expect(stderr).toContain("Service taken: would be refused: it is there already and does not belong to the Agent");
  });
});

describe("apply --all --watch", () => {
  it("applies what editors save, once for many saves, and deletes only when asked", async () => {
    const { start, path, write } = await project({
      "w.md": spec("watched", "replicas: 0\n"),
      "v.md": spec("kept", "replicas: 0\n"),
    });
    const running = start("apply", "--all", "--watch", "--prune");
    await running.says("stderr", "watching spec/agents");
    const generation = async (): Promise<number> => (await agent("watched")).metadata.generation;
    const ports = async (): Promise<number> => (await agent("watched")).spec.port;
    const first = await generation();

    // 50 saves, as fast as they come.
    for (let save = 0; save < 50; save++) {
      writeFileSync(path("w.md"), spec("watched", `replicas: 0\nport: ${9000 + save}\n`));
    }
    await expect.poll(ports).toBe(9049);
    // Where the machine stands still between two saves, the directory was quiet.
    const second = await generation();
    expect(second - first).toBeLessThan(5);

    // As vim saves.
    renameSync(path("w.md"), path("w.md~"));
    writeFileSync(path("w.md"), spec("watched", "replicas: 0\nport: 9100\n"));
    rmSync(path("w.md~"));
    await expect.poll(ports).toBe(9100);

    // A change that is none.
    appendFileSync(path("w.md"), "More prose.\n");
    // A broken file ends nothing, and its Agent stays.
    await write("v.md", spec("kept", "replicas: 11\n"));
    await running.says("stderr", "spec/agents/v.md:7:11: replicas: got 11");
    await write("v.md", spec("kept", "replicas: 0\nport: 9200\n"));
    await expect.poll(async () => (await agent("kept")).spec.port).toBe(9200);
    expect(await generation()).toBe(second + 1);

    await unlink(path("v.md"));
    await expect.poll(() => exists("kept")).toBe(false);
    // Another name in the same file is another Agent.
    await rename(path("w.md"), path("x.md"));
    await write("x.md", spec("renamed", "replicas: 0\n"));
    await expect.poll(() => exists("renamed")).toBe(true);
    await expect.poll(() => exists("watched")).toBe(false);

    running.child.kill("SIGINT");
    expect((await running.ended).code).toBe(130);
  });

  it("leaves the Agents of removed files without --prune", async () => {
    const { start, path } = await project({ "s.md": spec("stays", "replicas: 0\n") });
    const running = start("apply", "--all", "--watch");
    await running.says("stderr", "watching spec/agents");
    await unlink(path("s.md"));
    await running.says("stderr", "spec/agents/s.md no longer describes it; it stays");
    expect(await exists("stays")).toBe(true);
    running.child.kill("SIGTERM");
    expect((await running.ended).code).toBe(130);
  });
});

test.each<[string[], number, RegExp]>([
  [["apply"], 2, /^kgents: agent: got nothing; allowed are names, or --all/],
  [["apply", "x", "--all"], 2, /^kgents: --all: got names of Agents, too/],
  [["apply", "x", "--watch"], 2, /^kgents: --watch: got no --all/],
  [["apply", "--all", "--prune"], 2, /^kgents: --prune: got no --watch/],
  [["apply", "x", "--timeout", "5s"], 2, /^kgents: --timeout: got no --wait/],
  [["apply", "x", "--timeout", "soon", "--wait"], 2, /Allowed is a duration from 1s to 24h/],
  [["apply", "x", "--placeholder", "--full"], 2, /--placeholder.* cannot be used with .*--full/],
  [["apply", "x", "--dry-run=here"], 2, /Allowed are client and server; write names of Agents before --dry-run/],
  [["apply", "b-gemt"], 2, /spec\/agents has no spec file for "b-gemt" \(did you mean b-gent\?\)/],
  [["delete", "nobody"], 2, /^kgents: there is no Agent "nobody" in /],
])("%j: exit code %i", async (args, expected, message) => {
  const { infra } = await project({ "b-gent.md": spec("b-gent") });
  const [command = "", ...rest] = args;
  const { code, stderr } = await infra(command, ...rest);
  expect({ code, stderr }).toEqual({ code: expected, stderr: expect.stringMatching(message) });
});

test("a cluster that does not answer: exit code 125", async () => {
  const { path } = await project({ "x.md": spec("x") });
  const closed = "https://127.0.0.1:9";
  const kubeconfig = await terminal.file(
    "closed-kubeconfig",
    (await kubectl(["config", "view", "--raw"])).replace(/server: .*/, `server: ${closed}`),
  );
  const environment = { KUBECONFIG: kubeconfig };
  const { code, stderr } = await terminal.run(["infra", "apply", path("x.md")], { environment });
  expect({ code, stderr }).toEqual({ code: 125, stderr: expect.stringContaining(`${closed} `) });
  expect(cluster.kubeconfig).not.toBe(kubeconfig);
});

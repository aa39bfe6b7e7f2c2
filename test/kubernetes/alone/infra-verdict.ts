/**
 * The verdicts of the canary of `kgents infra init` on clusters of every kind. The canary must leave nothing behind.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  type CanaryRole,
  canaryPod,
  stillReached,
  type Target,
  targetPort,
} from "#cells/kubernetes/infra/canary-objects";
import { builtInLanguages, findLanguage } from "#core/contract/language";
import { shellQuote } from "#core/text/shell-quote";
import type { CommandLine } from "../../support/command-line.ts";
import { run } from "../../support/run.ts";
import { kgentsEntry } from "../../support/worker-process.ts";
import { cluster, createTerminal, freshName, kubectl, namesOf, removeNamespaces } from "../infra-support.ts";

let terminal: CommandLine;
const namespace = freshName();
const init = ["infra", "init", "--namespace", namespace];
beforeAll(async () => {
  terminal = await createTerminal();
});
afterAll(async () => {
  await removeNamespaces([namespace]);
  await terminal[Symbol.asyncDispose]();
});

const annotationsOf = async (): Promise<Record<string, string>> =>
  JSON.parse(await kubectl(["get", "namespace", namespace, "-o", "json"])).metadata.annotations;

/** Objects of canaries. Policies and pods of other origin do not exist here. */
const canaries = async (): Promise<string[]> => {
  const names = await namesOf(namespace, "pods,networkpolicies");
  return names.filter((name) => !/\/kgents-(?:deny-all|public-egress)$/.test(name));
};

async function verdict(...more: string[]) {
  const began = performance.now();
  const { code, stdout, stderr } = await terminal.run([...init, "--yes", "--json", ...more]);
  const seconds = (performance.now() - began) / 1000;
  expect(await canaries(), stderr).toEqual([]);
  const { networkIsolation } = JSON.parse(stdout);
  return { code, stderr, seconds, ...networkIsolation };
}

describe.concurrent("enforced", () => {
  test("within a minute", async () => {
    const { code, seconds, isolation, tried, stderr } = await verdict();
    expect({ code, isolation }).toEqual({ code: 0, isolation: "enforced" });
    expect(stderr).toContain("A pod without network did not reach the API server, another pod");
    // All of them are reachable on the test node without policies; the node has no IPv6.
    if (cluster.node) expect(tried).toEqual(["api-server", "pod", "node", "dns", "metadata"]);
    expect(seconds).toBeLessThan(60);
  });

  /** The program of one of the canary's pods. */
  const programOf = (role: CanaryRole, targets: readonly Target[]): string => {
    const pod = canaryPod({ id: "none", namespace }, role, findLanguage(builtInLanguages, "sh"), targets);
    return JSON.parse(JSON.stringify(pod)).spec.containers[0].command.at(-1);
  };
  test.skipIf(cluster.node === null)("with a target's IPv6 address, on a kernel that has IPv6", async () => {
    // The test node has no IPv6, so the pods' programs run here, in namespaces that end them.
    const target: Target = { name: "pod-ipv6", host: "fd00::5", port: targetPort, isRequired: true };
    const [server, open, closed] = (["target", "open", "closed"] as const).map((role) =>
      shellQuote(programOf(role, role === "target" ? [] : [target])),
    );
    const rule = `ip6 daddr ${target.host} tcp dport ${target.port} drop`;
    const script = `
    ip link set lo up
    ip -6 address add ${target.host}/128 dev lo nodad
    mount -t tmpfs none /tmp
    mkdir /tmp/bin
    busybox --install -s /tmp/bin
    pod() { env -i PATH=/tmp/bin "$@"; }
    pod sh -c ${server} &
    pod timeout 5 sh -c ${open}
    pod sh -c ${closed}; echo "open: $?"
    nft "table inet canary { chain c { type filter hook input priority 0; ${rule}; }; }"
    pod sh -c ${closed}; echo "dropped: $?"`;
    const { stdout } = await run(["unshare", "--net", "--mount", "--pid", "--fork", "bash", "-c", script]);
    expect(stdout.trim().split("\n")).toEqual([
      "reached: pod-ipv6",
      `another pod by IPv6 (${target.host} port ${target.port}) was reached although no policy allows it`,
      `open: ${stillReached}`,
      "dropped: 0",
    ]);
  });
});

if (cluster.node) {
  const { node } = cluster;
  test("not enforced where the network ignores policies", async () => {
    await node.enforcePolicies(false);
    const found = await verdict().finally(() => node.enforcePolicies(true));
    expect(found).toMatchObject({ code: 1, isolation: "not-enforced" });
    expect(found.reason).toMatch(/was reached although no policy allows it$/);
    expect(found.stderr).toContain("kgents: network isolation is not-enforced: ");
    expect(found.stderr).toContain("this machine's worker refuses runs without --network\n");
    expect(await annotationsOf()).toMatchObject({
      "kgents.io/network-isolation": "not-enforced",
      "kgents.io/network-isolation-reason": found.reason,
    });
    const status = await terminal.run(["infra", "status", "--namespace", namespace]);
    expect(status.code).toBe(1);
    expect(status.stdout).toContain(`Not usable:\n  network isolation is not-enforced: ${found.reason}\n`);
    const yaml = `worker: { kubernetes: { namespace: ${namespace}, networkIsolation: best-effort } }`;
    const relaxed = ["infra", "status", "--config", await terminal.file("relaxed.yaml", yaml)];
    const bestEffort = await terminal.run(relaxed);
    expect(bestEffort, "where the worker does its best").toMatchObject({ code: 0 });
    expect(bestEffort.stdout).toContain("Isolation  not-enforced, checked ");
  });
}

if (cluster.node) {
  const { node } = cluster;
  test("unknown where nothing can be reached any more, policy or not, while the canary looks", async () => {
    const table = ["inet", namespace.replaceAll("-", "_")] as const;
    const addressOfOpen = async (): Promise<string | undefined> => {
      const selector = "kgents.io/canary-role=open";
      const { items } = JSON.parse(await kubectl(["-n", namespace, "get", "pods", "-l", selector, "-o", "json"]));
      const { conditions = [], podIP } = items[0]?.status ?? {};
      const isReady = (each: { type: string; status: string }) => each.type === "Ready" && each.status === "True";
      return conditions.some(isReady) ? podIP : undefined;
    };
    // Drops the traffic of the canary's pod as soon as it is ready, and returns the verdict that it led to.
    const verdictWithout = async () => {
      let isOver = false;
      const found = verdict().finally(() => {
        isOver = true;
      });
      let address = await addressOfOpen();
      while (!address && !isOver) address = await addressOfOpen();
      if (!address) return found;
      const chain = "{ type filter hook prerouting priority -100; policy accept; ";
      const rules = `table ${table.join(" ")} { chain c ${chain} ip saddr ${address} drop; }; }`;
      try {
        expect(await node.run(["nft", rules])).toMatchObject({ code: 0, stderr: "" });
        return await found;
      } finally {
        await node.run(["nft", "delete", "table", ...table]);
      }
    };
    let found = await verdictWithout();
    // The canary may have ended before the rule was there.
    for (let tries = 1; tries < 5 && found.isolation === "enforced"; tries++) found = await verdictWithout();
    expect(found).toMatchObject({
      code: 1,
      isolation: "unknown",
      reason: expect.stringMatching(/could no longer be reached$/),
    });
  });
}

describe("unknown", () => {
  const cases: [name: string, image: string, reason: RegExp][] = [
    ["an image that cannot be pulled", "127.0.0.1:5999/no/such/image:1", /^a pod does not start: ImagePullBackOff: /],
    ["an image without what the canary needs", "python:3.13-slim", /httpd: not found/],
  ];
  test.each(cases)("%s", async (_, image, reason) => {
    const config = await terminal.file("image.yaml", `languages: { sh: { image: "${image}" } }`);
    const found = await verdict("--config", config);
    expect(found).toMatchObject({ code: 1, isolation: "unknown", reason: expect.stringMatching(reason) });
    expect(found.stderr).toContain(
      "network isolation is not verified: this machine's worker refuses runs without --network\n",
    );
    expect(await annotationsOf()).toMatchObject({ "kgents.io/network-isolation": "unknown" });
  });

  test("pods that a quota does not let in", async () => {
    const quota = {
      apiVersion: "v1",
      kind: "ResourceQuota",
      metadata: { name: "none", namespace },
      spec: { hard: { pods: "0" } },
    };
    await kubectl(["apply", "-f", "-"], quota);
    const found = await verdict();
    await kubectl(["-n", namespace, "delete", "resourcequota", "none"]);
    expect(found).toMatchObject({
      code: 1,
      isolation: "unknown",
      reason: expect.stringContaining("exceeded quota: none"),
    });
  });
});

test.each(["SIGINT", "SIGTERM"] as const)(
  "%s in the middle leaves nothing of the canary, and the old verdict",
  async (signal) => {
    const before = await annotationsOf();
    const command = terminal.start([...init, "--yes"]);
    await command.says("stderr", "looking whether the cluster isolates pods ...");
    await expect.poll(canaries).toHaveLength(4);
    command.child.kill(signal);
    expect(await command.ended).toMatchObject({ code: 130 });
    expect(command.stderr()).toContain("kgents: interrupted; cleaning up (a second time exits at once)\n");
    expect(await canaries()).toEqual([]);
    expect(await annotationsOf()).toEqual(before);
  },
);

test("what a killed init left is removed by a later one, but not what another is about to use", async () => {
  const command = terminal.start([...init, "--yes"]);
  await command.says("stderr", "looking whether the cluster isolates pods ...");
  await expect.poll(canaries).toHaveLength(4);
  command.child.kill("SIGKILL");
  await command.ended;
  expect(await canaries()).not.toEqual([]);
  expect(await annotationsOf()).toHaveProperty(["kgents.io/network-isolation-reason"]);
  const other = await terminal.run([...init, "--yes"]);
  expect(other).toMatchObject({ code: 0 });
  // Another verdict takes the place of the earlier one.
  expect(await annotationsOf()).toMatchObject({ "kgents.io/network-isolation": "enforced" });
  expect(await annotationsOf()).not.toHaveProperty(["kgents.io/network-isolation-reason"]);
  expect(await canaries()).not.toEqual([]);
  await kubectl([
    "-n",
    namespace,
    "delete",
    "pods,networkpolicies",
    "-l",
    "kgents.io/canary",
    "--grace-period=0",
    "--force",
  ]);
});

describe("on a terminal", () => {
  /** The terminal's output and the exit code when a user answers the question. */
  async function onTerminal(line: string, answer: string): Promise<{ code: number | null; seen: string }> {
    const command = `"${process.execPath}" "${kgentsEntry}" ${line}`;
    const child = spawn("script", ["-qec", command, "/dev/null"], { env: terminal.environment });
    let seen = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      const asked = seen.includes("[y/N]");
      seen += text;
      if (!asked && seen.includes("[y/N]")) child.stdin.write(answer);
    });
    const [code] = await once(child, "close");
    return { code, seen };
  }

  test("no is no, and so is the end of input", async () => {
    const name = freshName();
    for (const input of ["n\n", "\n", "\u0004"]) {
      const { code, seen } = await onTerminal(`infra init --namespace ${name}`, input);
      expect(seen).toContain(`Namespace ${name}: create`);
      expect(seen).toContain("apply this, and verify that pods are isolated? [y/N]");
      expect(seen).toContain("kgents: nothing was changed");
      expect(code).toBe(1);
    }
    expect((await cluster.kubectl(["get", "namespace", name])).code).toBe(1);
  });

  test("Ctrl-C at the question", async () => {
    const { code, seen } = await onTerminal(`infra init --namespace ${freshName()}`, "\u0003");
    expect({ code, seen }).toEqual({ code: 130, seen: expect.stringContaining("kgents: interrupted;") });
  });

  test("yes, and cells that run are named before anything goes", async () => {
    const { code, seen } = await onTerminal(`infra destroy --namespace ${namespace}`, "y\n");
    expect(seen).toContain("0 running cells, 0 finished");
    expect(seen).toContain(`kgents: ${namespace} is removed`);
    expect(code).toBe(0);
  });
});

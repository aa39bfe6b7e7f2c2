/** Clusters that are unavailable, not prepared, or deny the worker access. Detected before anything is started. */
import { randomUUID } from "node:crypto";
import { copyFile, mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { createKubernetesProvider, type KubernetesOptions } from "#cells/kubernetes/provider";
import { createSubprocessProvider } from "#cells/subprocess/provider";
import type { ExecutionRequest } from "#core/contract/request";
import { kgentsPaths } from "#platform/host/paths";
import { startTestWorker, type TestWorker } from "../support/test-worker.ts";
import { roleFor } from "./manifests.ts";
import { type CellNamespace, cellNamespace, cluster, kubectl, node } from "./support.ts";

const request: ExecutionRequest = { code: "echo hi", language: "sh", cpu: 1, ttl: 1 };
const onCluster: ExecutionRequest = { ...request, backend: "kubernetes" };

let directory: string;
let namespace: CellNamespace;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "kgents-access-"));
  namespace = await cellNamespace();
});
afterAll(async () => {
  await rm(directory, { recursive: true, force: true });
  await namespace?.[Symbol.asyncDispose]();
});

/** A worker for both backends, with the given options for the cluster. */
async function worker(options: Partial<KubernetesOptions>): Promise<TestWorker> {
  const kubernetes = createKubernetesProvider({
    ...{ kubeconfig: cluster.kubeconfig, namespace: namespace.name, instance: `test-${randomUUID()}`, log: () => {} },
    ...options,
  });
  const subprocess = createSubprocessProvider({
    stateDirectory: join(directory, randomUUID()),
    cacheDirectory: kgentsPaths().cache,
    installTools: true,
    log: () => {},
  });
  return startTestWorker(inject("temporalAddress"), { providers: { kubernetes, subprocess } });
}

/** A kubeconfig for a service account whose token expires at a given time. */
async function kubeconfigOf(serviceAccount: string, expiresAt: Date): Promise<string> {
  const claims = { namespace: namespace.name, serviceAccount, expiresAt };
  return node().kubeconfigWith({ token: await node().signToken(claims) });
}

/** The administrator's kubeconfig with another server's address. */
async function kubeconfigTo(server: string): Promise<string> {
  const path = join(directory, randomUUID());
  await copyFile(cluster.kubeconfig, path);
  const { stdout } = await cluster.kubectl(["config", "view", "-o", "jsonpath={.clusters[0].name}"]);
  await cluster.kubectl(["--kubeconfig", path, "config", "set-cluster", stdout.trim(), "--server", server]);
  return path;
}

const later = (): Date => new Date(Date.now() + 600_000);

describe("a cluster that cannot be used", () => {
  const ways: [name: string, options: () => Promise<Partial<KubernetesOptions>>, kind: string, words: string][] = [
    [
      "is away",
      async () => ({ kubeconfig: await kubeconfigTo("https://127.0.0.1:9") }),
      "cluster-unavailable",
      "answer",
    ],
    ["has no such namespace", async () => ({ namespace: "kgents-none" }), "namespace-missing", "infra init"],
    [
      "does not let the worker in",
      async () => ({ kubeconfig: await kubeconfigOf("default", later()) }),
      "forbidden",
      "role",
    ],
    [
      "takes its token no longer",
      async () => ({ kubeconfig: await kubeconfigOf("default", new Date(Date.now() - 60_000)) }),
      "forbidden",
      "role",
    ],
    ["is not configured", async () => ({ kubeconfig: join(directory, "none") }), "cluster-unavailable", "KUBECONFIG"],
    ["has no such context", async () => ({ context: "none" }), "cluster-unavailable", "context"],
  ];

  it.each(ways)(
    "%s: it is refused with what to do; auto uses the sandbox and says why",
    async (_name, options, kind, words) => {
      await using here = await worker(await options());
      const began = Date.now();
      const refusal = await here.run(onCluster).catch((error) => error);
      expect(refusal).toMatchObject({ code: kind });
      expect(`${refusal.message} ${refusal.remedy}`).toContain(words);
      await expect(here.run({ ...request, fallback: false })).rejects.toMatchObject({ code: kind });
      const result = await here.run(request);
      expect(result).toMatchObject({ backend: "subprocess", status: "succeeded", fallback: { from: "kubernetes" } });
      expect(result.fallback?.reason).toContain(words);
      expect(Date.now() - began).toBeLessThan(15_000);
    },
  );

  it("takes connections and never answers: it counts as away within a second or two", async () => {
    const silent = createServer(() => {});
    await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
    const address = silent.address();
    const port = typeof address === "object" ? address?.port : 0;
    await using here = await worker({ kubeconfig: await kubeconfigTo(`https://127.0.0.1:${port}`) });
    const began = Date.now();
    expect(await here.run(request)).toMatchObject({ backend: "subprocess", fallback: { from: "kubernetes" } });
    expect(Date.now() - began).toBeLessThan(5000);
    silent.close();
  });
});

describe("network isolation that is not proved", () => {
  it.each(["not-enforced", "unknown", null] as const)(
    "%s: code without network is refused, unless the policy lets it",
    async (verdict) => {
      await using unproved = await cellNamespace(verdict);
      {
        await using strict = await worker({ namespace: unproved.name });
        const refusal = await strict.run(onCluster).catch((error) => error);
        expect(refusal).toMatchObject({ code: "network-isolation-unavailable" });
        expect(refusal.remedy).toContain("infra init");
        expect(await unproved.left()).toEqual([]);
        expect(await strict.run({ ...onCluster, network: true })).toMatchObject({ status: "succeeded" });
      }
      await using lenient = await worker({ namespace: unproved.name, networkIsolation: "best-effort" });
      expect(await lenient.run(onCluster)).toMatchObject({
        status: "succeeded",
        isolation: { network: { enforced: false } },
      });
    },
  );
});

it("a token that was renewed in its file is read again", async () => {
  await namespace.kubectl("create", "serviceaccount", "renewed");
  await kubectl(["apply", "-f", "-"], JSON.stringify(roleFor(namespace.name, "renewed")));
  const file = join(directory, "renewed");
  await copyFile(await kubeconfigOf("renewed", new Date(Date.now() - 60_000)), file);
  await using here = await worker({ kubeconfig: file });
  await expect(here.run(onCluster)).rejects.toMatchObject({ code: "forbidden" });
  await copyFile(await kubeconfigOf("renewed", later()), file);
  await expect
    .poll(async () => (await here.run(onCluster).catch((error) => error)).status, { timeout: 60_000 })
    .toBe("succeeded");
});

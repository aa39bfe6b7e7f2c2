/** The watch of the cells' pods, with failing credentials and with a dead connection. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { V1ConfigMap } from "@kubernetes/client-node";
import { afterAll, beforeAll, expect, it } from "vitest";
import { createClusterClient } from "#cells/kubernetes/api/cluster-client";
import type { InformerTimes } from "#cells/kubernetes/api/informer";
import { listAll } from "#cells/kubernetes/api/list-pages";
import { type PodWatch, watchPods } from "#cells/kubernetes/api/pod-watch";
import { cellLabel } from "#core/manifest/cluster-names";
import { type ApiProxy, apiProxy } from "./api-proxy.ts";
import { clientPod } from "./manifests.ts";
import { until } from "./moments.ts";
import { type CellNamespace, cellNamespace } from "./support.ts";

let directory: string;
let namespace: CellNamespace;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "kgents-informer-"));
  namespace = await cellNamespace();
});
afterAll(async () => {
  await namespace[Symbol.asyncDispose]();
  await rm(directory, { recursive: true, force: true });
});

/** A pod of a cell that is never scheduled: it exists, but nothing runs. */
async function createPod(cell: string): Promise<void> {
  const { metadata, spec, ...pod } = clientPod(`${cell}-pod`);
  const labels = { [cellLabel]: cell, "kgents-test": "informer" };
  await namespace.apply({ ...pod, metadata: { ...metadata, labels }, spec: { ...spec, schedulerName: "nobody" } });
}

interface Scene extends AsyncDisposable {
  readonly proxy: ApiProxy;
  readonly watch: PodWatch;
  /** The log lines, each with the number of known pods of the first cell at that time. */
  readonly lines: { readonly line: string; readonly known: number }[];
}

async function scene(
  firstCell: string,
  times: InformerTimes,
  options: Parameters<typeof apiProxy>[2] = {},
): Promise<Scene> {
  await createPod(firstCell);
  const proxy = await apiProxy(join(directory, `${firstCell}.yaml`), undefined, options);
  const client = await createClusterClient({ kubeconfig: proxy.kubeconfig, namespace: namespace.name });
  const lines: { line: string; known: number }[] = [];
  const watch = watchPods(
    client,
    "kgents-test=informer",
    (line) => void lines.push({ line, known: watch.podsOf(firstCell).length }),
    times,
  );
  await until("the first list", async () => watch.podsOf(firstCell).length === 1);
  await until("the first watch", async () => (proxy.counts()["watch pods"] ?? 0) > 0);
  return {
    ...{ proxy, watch, lines },
    [Symbol.asyncDispose]: async () => {
      await watch.close();
      await proxy[Symbol.asyncDispose]();
    },
  };
}

it("a credential plugin that fails when a watch is begun anew: the pods stay known, and the watch goes on", async () => {
  const broken = join(directory, "broken");
  const credential = { kind: "ExecCredential", status: { token: "t", expirationTimestamp: "2000-01-01T00:00:00Z" } };
  const plugin = `test ! -e ${broken} || { echo "no token today" >&2; exit 1; }; echo '${JSON.stringify(credential)}'`;
  await using here = await scene("plugin", {}, { user: { exec: { command: "sh", args: ["-c", plugin] } } });
  const { proxy, watch, lines } = here;
  await writeFile(broken, "");
  proxy.endWatches();
  await until("the failure", async () => lines.length > 0);
  await rm(broken);
  await createPod("plugin-later");
  await until("the next pod", async () => watch.podsOf("plugin-later").length === 1);
  expect(lines[0]).toEqual({
    line: expect.stringMatching(/^the watch of the pods failed and is begun anew: no token today/),
    known: 1,
  });
  await createPod("plugin-last");
  await until("a pod by the watch", async () => watch.podsOf("plugin-last").length === 1);
  expect(lines.slice(1)).toEqual([{ line: "the watch of the pods works again", known: 1 }]);
});

it("a credential plugin that hangs: the request ends in its time", async () => {
  const exec = { command: "sleep", args: ["60"] };
  await using proxy = await apiProxy(join(directory, "hangs.yaml"), undefined, { user: { exec } });
  const client = await createClusterClient({ kubeconfig: proxy.kubeconfig, namespace: namespace.name });
  const asked = client.request("asking", ({ version }, options) => version.getCode({}, options), { milliseconds: 300 });
  await expect(asked).rejects.toMatchObject({ what: "asking", reason: "Timeout" });
}, 30_000);

it("a connection that is dead without a word is replaced", async () => {
  await using here = await scene("silence", { silence: 1000 });
  const { proxy, watch, lines } = here;
  proxy.freezeWatches();
  await createPod("silence-later");
  await namespace.kubectl("delete", "pod", "silence-pod", "--grace-period=0", "--force");
  await until(
    "what happened meanwhile",
    async () => watch.podsOf("silence-later").length === 1 && watch.podsOf("silence").length === 0,
    50,
    15_000,
  );
  expect(lines).toEqual([]);
});

it("a list is asked for in pages", async () => {
  await using proxy = await apiProxy(join(directory, "pages.yaml"));
  const client = await createClusterClient({ kubeconfig: proxy.kubeconfig, namespace: namespace.name });
  const items = Array.from({ length: 5 }, (_, number) => ({
    ...{ apiVersion: "v1", kind: "ConfigMap", metadata: { name: `page-${number}`, labels: { pages: "yes" } } },
  }));
  await namespace.apply({ apiVersion: "v1", kind: "List", items });
  const found = await listAll<V1ConfigMap>(
    client,
    "listing the pages",
    ({ core }, page, options) =>
      core.listNamespacedConfigMap({ namespace: namespace.name, labelSelector: "pages=yes", ...page }, options),
    {},
    2,
  );
  expect(found.items.map(({ metadata }) => metadata?.name)).toEqual(items.map(({ metadata }) => metadata.name));
  expect(proxy.counts()["list configmaps"]).toBe(3);
});

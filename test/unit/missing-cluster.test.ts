/** When the sandbox replaces an unavailable cluster, and when a cluster was never required. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { parseConfiguration } from "#core/configuration/configuration";
import { missingCluster } from "#worker/create-providers";

let HOME: string;
beforeAll(async () => {
  HOME = await mkdtemp(join(tmpdir(), "kgents-home-"));
  await writeFile(join(HOME, "kubeconfig"), "");
});
afterAll(() => rm(HOME, { recursive: true, force: true }));

test.each<[what: string, worker: object, environment: NodeJS.ProcessEnv, reason: string | undefined]>([
  ["nothing", {}, {}, undefined],
  ["an empty variable", {}, { KUBECONFIG: "" }, undefined],
  ["the sandbox alone", { backends: ["subprocess"] }, { KUBECONFIG: "/no/file" }, undefined],
  ["a file that is not there", {}, { KUBECONFIG: "/no/file" }, "KUBECONFIG names /no/file, which does not exist"],
  ["a pod in a cluster", {}, { KUBECONFIG: "/no/file", KUBERNETES_SERVICE_HOST: "10.0.0.1" }, undefined],
  [
    "a context, and no kubeconfig",
    { kubernetes: { context: "staging" } },
    {},
    "worker.kubernetes.context names staging, but there is no kubeconfig",
  ],
])("named is %s", (_what, worker, environment, reason) => {
  const { worker: policy } = parseConfiguration({ worker });
  expect(missingCluster(policy, { HOME, ...environment })).toBe(reason);
});

test("named is a file that is there", () => {
  const { worker } = parseConfiguration({});
  expect(missingCluster(worker, { HOME, KUBECONFIG: join(HOME, "kubeconfig") })).toBeUndefined();
});

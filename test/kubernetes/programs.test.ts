/** The same request gives the same result on a cluster as in the sandbox. */
import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Backend } from "../../activities/backends/backend.ts";
import { createKubernetesBackend } from "../../activities/backends/kubernetes/backend.ts";
import { attackRequest, checkAttack, outputAttacks } from "../support/output-attacks.ts";
import { checkAnswer, programs } from "../support/programs.ts";
import { runOnBackend } from "../support/run-on-backend.ts";
import { type CellNamespace, cellNamespace, cluster } from "./support.ts";

let namespace: CellNamespace;
let backend: Backend;
beforeAll(async () => {
  namespace = await cellNamespace();
  backend = createKubernetesBackend({
    kubeconfig: cluster.kubeconfig,
    namespace: namespace.name,
    instance: `test-${randomUUID().slice(0, 8)}`,
    log: () => {},
  });
});
afterAll(async () => {
  expect(await namespace.left()).toEqual([]);
  await backend.close();
  await namespace[Symbol.asyncDispose]();
});

const cellId = () => `kgents-${randomUUID().slice(0, 20)}`;

describe.concurrent("programs in a pod", () => {
  test.each(programs)("$name", async ({ request, inPod, ...expected }) => {
    checkAnswer(await runOnBackend(backend, request, { cellId: cellId() }), inPod ?? expected);
  });
});

describe.concurrent("output files of a pod", () => {
  test.each(outputAttacks)("$name", async (attack) => {
    checkAttack(await runOnBackend(backend, attackRequest(attack), { cellId: cellId() }), attack);
  });
});

/** Operators agree on one leader, by a Lease on a real API server. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createClusterClient } from "#cells/kubernetes/api/cluster-client";
import { createObjects } from "#cells/kubernetes/api/objects";
import { standForElection } from "#operator/leader/election";
import { type ApiProxy, apiProxy } from "../api-proxy.ts";
import { type CellNamespace, cellNamespace, cluster } from "../support.ts";

let directory: string;
let namespace: CellNamespace;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "kgents-election-"));
  namespace = await cellNamespace();
});
afterAll(async () => {
  await namespace[Symbol.asyncDispose]();
  await rm(directory, { recursive: true, force: true });
});

const times = { lease: 3000, renewDeadline: 2000, renewal: 300, look: 200 };

/** A process that stands for election, and a log of what happened to all of them. */
async function candidate(identity: string, name: string, log: string[], kubeconfig = cluster.kubeconfig) {
  const client = await createClusterClient({ kubeconfig, namespace: namespace.name });
  const election = standForElection({
    name,
    namespace: namespace.name,
    identity,
    access: (permit) => createObjects(client, { permit }),
    lead: async (term) => {
      log.push(`${identity} leads`);
      await new Promise<void>((resolve) => term.addEventListener("abort", () => resolve()));
      log.push(`${identity} stops`);
    },
    log: () => {},
    times,
  });
  return { ...election, [Symbol.asyncDispose]: election.close };
}

test("one of two leads; when it ends, it releases the Lease, and the other leads", async () => {
  const log: string[] = [];
  const first = await candidate("first", "release", log);
  await expect.poll(() => log).toEqual(["first leads"]);
  await using second = await candidate("second", "release", log);
  await expect.poll(second.holder).toBe("first");
  expect([first.isLeader(), second.isLeader()]).toEqual([true, false]);
  const from = performance.now();
  await first.close();
  await expect.poll(second.isLeader).toBe(true);
  // An abandoned Lease would have to run out.
  expect(performance.now() - from).toBeLessThan(times.lease);
  expect(log).toEqual(["first leads", "first stops", "second leads"]);
  expect(first.isLeader()).toBe(false);
});

test("a leader that cannot reach the server stops before another takes the Lease, and stands again", async () => {
  const log: string[] = [];
  const lost: ApiProxy = await apiProxy(join(directory, "lost.yaml"));
  await using first = await candidate("first", "cut", log, lost.kubeconfig);
  await expect.poll(() => log).toEqual(["first leads"]);
  await using second = await candidate("second", "cut", log);
  await expect.poll(second.holder).toBe("first");
  await lost[Symbol.asyncDispose]();
  await expect.poll(() => log).toEqual(["first leads", "first stops", "second leads"]);
  expect([first.isLeader(), first.isFailing(), second.isLeader()]).toEqual([false, true, true]);
});

test("two that stand at the same moment: one leads", async () => {
  const log: string[] = [];
  const all = await Promise.all(["a", "b", "c", "d"].map((identity) => candidate(identity, "race", log)));
  await expect.poll(() => new Set(all.map(({ holder }) => holder())).size).toBe(1);
  await expect.poll(() => log).toHaveLength(1);
  expect(all.filter(({ isLeader }) => isLeader())).toHaveLength(1);
  await Promise.all(all.map(({ close }) => close()));
});

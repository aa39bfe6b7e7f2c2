/** Two operators: what becomes of the work when the leader ends, dies, or sleeps. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { createCommandLine } from "../../support/command-line.ts";
import { apiProxy } from "../api-proxy.ts";
import { startOperatorProcess } from "./operator-process.ts";
import { createAgentNamespace, sleeping } from "./scene.ts";

test("the other takes over: after SIGTERM at once, after SIGKILL when the Lease ends, and a sleeper writes nothing", async () => {
  const directory = await mkdtemp(join(tmpdir(), "kgents-leaders-"));
  await using commands = await createCommandLine();
  await using namespace = await createAgentNamespace();
  const { name } = namespace;
  const work = async (replicas: number) => {
    await namespace.applyAgent(
      "worked",
      sleeping({ replicas: 0, description: `the ${replicas}th`, port: 9000 + replicas }),
    );
    await expect
      .poll(async () => JSON.stringify(await namespace.get("Service", "worked")))
      .toContain(`${9000 + replicas}`);
  };

  await using first = await startOperatorProcess(commands, name);
  await first.untilLeads();
  await work(1);
  await using second = await startOperatorProcess(commands, name);
  await second.says("stderr", "another operator leads");

  first.signal("SIGTERM");
  const handOver = await second.untilLeads();
  expect((await first.ended).code).toBe(0);
  await work(2);

  await using proxy = await apiProxy(join(directory, "kubeconfig"));
  await using third = await startOperatorProcess(commands, name, proxy.kubeconfig);
  await third.says("stderr", "another operator leads");
  second.signal("SIGKILL");
  const takeOver = await third.untilLeads();
  await work(3);

  await using fourth = await startOperatorProcess(commands, name);
  await fourth.says("stderr", "another operator leads");
  third.signal("SIGSTOP");
  await fourth.untilLeads();
  await work(4);
  const writes = () =>
    Object.entries(proxy.counts()).filter(([kind]) => /^(?:create|patch|delete|update|status) /.test(kind));
  const before = writes();
  // It sees this change when it wakes.
  await work(5);
  third.signal("SIGCONT");
  await third.says("stderr", "the Lease is lost");
  // It stands by, and has had a round of its own.
  const looks = proxy.counts()["get leases"] ?? 0;
  await expect.poll(() => proxy.counts()["get leases"] ?? 0).toBeGreaterThan(looks + 2);
  expect(writes()).toEqual(before);
  expect([third.leads(), fourth.leads()]).toEqual([false, true]);

  console.log(`leaders: ${handOver} ms after SIGTERM, ${takeOver} ms after SIGKILL`);
  // 2 s and 17 s where the machine does nothing else.
  expect(handOver).toBeLessThan(10_000);
  expect(takeOver).toBeLessThan(30_000);
  for (const operator of [third, fourth]) operator.signal("SIGTERM");
  expect((await Promise.all([third.ended, fourth.ended])).map(({ code }) => code)).toEqual([0, 0]);
  await rm(directory, { recursive: true, force: true });
});

/** Many Agents: how long the first sync and a restart take, whether a change overtakes, and what it costs. */
import { expect, test } from "vitest";
import { createCommandLine } from "../../support/command-line.ts";
import { isLong } from "../../support/long.ts";
import { until } from "../moments.ts";
import { type OperatorProcess, startOperatorProcess } from "./operator-process.ts";
import { type AgentNamespace, createAgentNamespace, type StoredAgent, sleeping } from "./scene.ts";

const [agents, withPods] = isLong ? [1000, 20] : [30, 2];
/** Not of the product: how long the test waits. In milliseconds. */
const patience = isLong ? 1_200_000 : 150_000;

const specOf = (index: number) => sleeping({ replicas: index < withPods ? 1 : 0 });

const milliseconds = (from: number): number => Math.round(performance.now() - from);

const reconcilesIn = (text: string): number =>
  [...text.matchAll(/kgents_operator_reconciles_total\{outcome="(?:applied|unchanged)"\} (\d+)/g)].reduce(
    (sum, [, count]) => sum + Number(count),
    0,
  );

/** Waits until each Agent has been looked at once, and nothing waits. */
async function synced(operator: OperatorProcess): Promise<void> {
  await until(
    "the sync",
    async () => {
      const text = await operator.metricsText();
      return reconcilesIn(text) >= agents && /kgents_operator_queue_depth 0\n/.test(text);
    },
    100,
    patience,
  );
}

/** The milliseconds from a change of an Agent to the change of its Service. */
async function changeTime(namespace: AgentNamespace, index: number, port: number): Promise<number> {
  const name = `m-${index}`;
  const from = performance.now();
  await namespace.applyAgent(name, { ...specOf(index), port });
  await until("the change", async () => JSON.stringify(await namespace.get("Service", name)).includes(`${port}`), 5);
  return milliseconds(from);
}

test(`${agents} Agents, ${withPods} with pods`, { timeout: 3 * patience }, async () => {
  await using commands = await createCommandLine();
  await using namespace = await createAgentNamespace();
  for (let from = 0; from < agents; from += 10) {
    await Promise.all(
      Array.from({ length: 10 }, (_, index) => namespace.applyAgent(`m-${from + index}`, specOf(from + index))),
    );
  }
  const begun = performance.now();
  await using first = await startOperatorProcess(commands, namespace.name);
  await first.untilLeads();
  const led = performance.now();
  await synced(first);
  const firstSync = milliseconds(led);
  const list = async () => {
    const { items } = JSON.parse(await namespace.kubectl("get", "agents.kgents.io", "-o", "json")) as {
      items: StoredAgent[];
    };
    return items.map(({ status }) => status?.phase);
  };
  await until("all are up", async () => (await list()).every((phase) => phase === "Running"), 1000, patience);
  const allUp = milliseconds(begun);

  const times: number[] = [];
  const heaps: number[] = [];
  for (let index = 0; index < 20; index += 1) {
    times.push(await changeTime(namespace, withPods + (index % (agents - withPods)), 3000 + index));
    heaps.push(await first.metric(/nodejs_heap_size_used_bytes (\d+)/));
  }
  const median = times.sort((a, b) => a - b)[10] ?? 0;
  // The least of them: the others include what is about to be collected.
  const heap = Math.round(Math.min(...heaps) / 2 ** 20);
  first.signal("SIGTERM");
  await first.ended;

  await using second = await startOperatorProcess(commands, namespace.name);
  await second.untilLeads();
  const again = performance.now();
  await until("the first reconcile", async () => reconcilesIn(await second.metricsText()) > 0, 5);
  const overtaking = await changeTime(namespace, agents - 1, 5000);
  await synced(second);
  const restart = milliseconds(again);

  console.log(
    `many: ${agents} Agents: first sync ${firstSync} ms, all up after ${allUp} ms, restart ${restart} ms, a change meanwhile ${overtaking} ms, a change at rest ${median} ms (median of 20), heap ${heap} MiB`,
  );
  expect(heap).toBeLessThan(200);
  expect(overtaking).toBeLessThan(restart + 1000);
});

/** Runs that outlive changes to their workers. */
import { randomUUID } from "node:crypto";
import { expect } from "vitest";
import { workflowIdAnnotation } from "#core/manifest/cluster-names";
import { cluster, kubectl } from "../../kubernetes/support.ts";
import type { CommandLine } from "../../support/command-line.ts";

/** For waits that depend on the load of the machine. */
export const patient = { timeout: 240_000, interval: 500 } as const;

/**
 * Starts runs whose code prints a line at its start, and ends after some seconds. Returns their ids.
 *
 * @param flags additional flags of `exec`
 */
export async function startRuns(
  client: CommandLine,
  count: number,
  seconds: number,
  flags: readonly string[] = [],
): Promise<string[]> {
  const ids = Array.from({ length: count }, () => `run-${randomUUID()}`);
  const code = `echo begun; sleep ${seconds}; echo ended`;
  const started = await Promise.all(
    ids.map((id) => client.run(["exec", "--detach", "--id", id, "--lang", "sh", "--code", code, ...flags])),
  );
  for (const { code: exit, stderr } of started) expect(exit, stderr).toBe(0);
  return ids;
}

/** Runs whose code continues until it is told to end, so the test does not depend on timing. */
export async function startHeldRuns(
  client: CommandLine,
  count: number,
  flags: readonly string[] = [],
): Promise<{ readonly ids: string[]; readonly release: () => Promise<void> }> {
  const ids = Array.from({ length: count }, () => `run-${randomUUID()}`);
  const code = "echo begun; until [ -e /tmp/end ]; do sleep 0.2; done; echo ended";
  const exec = ["exec", "--detach", "--timeout", "15m", "--startup-timeout", "5m", "--lang", "sh", "--code", code];
  const started = await Promise.all(ids.map((id) => client.run([...exec, "--id", id, ...flags])));
  for (const { code: exit, stderr } of started) expect(exit, stderr).toBe(0);
  const release = async (): Promise<void> => {
    const inCells = ["-n", "kgents-ephemeral"];
    const { items } = JSON.parse(await kubectl([...inCells, "get", "jobs", "-o", "json"])) as { items: CellJob[] };
    const own = items.filter(({ metadata }) => ids.includes(metadata.annotations?.[workflowIdAnnotation] ?? ""));
    expect(own).toHaveLength(count);
    for (const { metadata } of own) {
      const end = ["exec", `job/${metadata.name}`, "--", "touch", "/tmp/end"];
      await expect.poll(async () => (await cluster.kubectl([...inCells, ...end])).code, patient).toBe(0);
    }
  };
  return { ids, release };
}

interface CellJob {
  readonly metadata: { readonly name: string; readonly annotations?: Readonly<Record<string, string>> };
}

/** Each run succeeds, its code was started once, and its output is complete. */
export async function expectAllWell(client: CommandLine, ids: readonly string[]): Promise<void> {
  const ended = await Promise.all(ids.map((id) => client.run(["wait", "--json", id])));
  for (const { stdout, stderr } of ended) {
    expect(JSON.parse(stdout || `{"error":${JSON.stringify(stderr)}}`)).toMatchObject({
      status: "succeeded",
      attempts: 1,
      stdout: { text: "begun\nended\n" },
    });
  }
}

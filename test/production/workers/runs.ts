/** Runs that outlast what happens to their workers. */
import { randomUUID } from "node:crypto";
import { expect } from "vitest";
import type { CommandLine } from "../../support/command-line.ts";

/**
 * Starts so many, whose code says that it begins, and ends after some seconds. Returns their ids.
 *
 * @param flags more of `exec`
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

/** Each ends well, its code was started once, and nothing of its output is missing. */
export async function expectAllWell(client: CommandLine, ids: readonly string[]): Promise<void> {
  const ended = await Promise.all(ids.map((id) => client.run(["wait", "--json", id])));
  for (const { stdout, stderr } of ended) {
    expect(JSON.parse(stdout || `{"error":${JSON.stringify(stderr)}}`)).toMatchObject({
      ...{ status: "succeeded", attempts: 1 },
      stdout: { text: "begun\nended\n" },
    });
  }
}

/** Worker Versioning by an operator's commands, as in docs/fleet.md. */
import { execFile } from "node:child_process";
import { setTimeout as wait } from "node:timers/promises";
import { promisify } from "node:util";
import type { Client } from "@temporalio/client";
import { inject } from "vitest";

const address = inject("temporalAddress");

/**
 * The output of a command of Temporal's CLI on the tests' server. The server limits the rate of changes to a worker
 * deployment, also of its own, and asks to try again later.
 *
 * @throws if it fails
 */
export async function temporal(...words: string[]): Promise<string> {
  const run = () => promisify(execFile)(inject("temporalBinary"), [...words, "--address", address]);
  for (let tries = 1; tries < 20; tries++) {
    try {
      return (await run()).stdout;
    } catch (error) {
      if (!String(error).includes("too many requests")) throw error;
      await wait(1000);
    }
  }
  return (await run()).stdout;
}

/** Sends new runs to a version. */
export const setCurrentVersion = (deployment: string, buildId: string): Promise<string> =>
  temporal(
    ...["worker", "deployment", "set-current-version", "--yes"],
    ...["--deployment-name", deployment, "--build-id", buildId],
  );

/** The version of the worker that carried out a run. */
export async function versionOf(client: Client, id: string): Promise<string | undefined> {
  const { raw } = await client.workflow.getHandle(id).describe();
  return raw.workflowExecutionInfo?.versioningInfo?.deploymentVersion?.buildId ?? undefined;
}

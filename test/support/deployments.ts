/** Worker Versioning by an operator's commands, as in docs/fleet.md. */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import type { Client } from "@temporalio/client";
import { inject } from "vitest";

const address = inject("temporalAddress");

/** The output of a command of Temporal's CLI on the tests' server. @throws if it fails */
export async function temporal(...words: string[]): Promise<string> {
  return (await promisify(execFile)(inject("temporalBinary"), [...words, "--address", address])).stdout;
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

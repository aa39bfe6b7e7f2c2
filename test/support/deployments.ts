/** Worker Versioning as an operator uses it: the commands of docs/fleet.md. */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import type { Client } from "@temporalio/client";
import { inject } from "vitest";

const address = inject("temporalAddress");

/** What a command of Temporal's own command line prints on the tests' server. @throws where it fails */
export async function temporal(...words: string[]): Promise<string> {
  return (await promisify(execFile)(inject("temporalBinary"), [...words, "--address", address])).stdout;
}

/** Sends new runs to a version. */
export const setCurrentVersion = (deployment: string, buildId: string): Promise<string> =>
  temporal(
    ...["worker", "deployment", "set-current-version", "--yes"],
    ...["--deployment-name", deployment, "--build-id", buildId],
  );

/** Which version a run was carried by. */
export async function versionOf(client: Client, id: string): Promise<string | undefined> {
  const { raw } = await client.workflow.getHandle(id).describe();
  return raw.workflowExecutionInfo?.versioningInfo?.deploymentVersion?.buildId ?? undefined;
}

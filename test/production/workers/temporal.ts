/** Temporal's information about runs and worker versions, read with a client's environment. */
import { Client, Connection } from "@temporalio/client";
import { findTemporalBinary } from "#client/stack/temporal-binary";
import { kgentsPaths } from "#platform/host/paths";
import { loadTemporalConfiguration } from "#platform/temporal/temporal-configuration";
import type { CommandLine } from "../../support/command-line.ts";

/** The identity of the worker that currently follows each run's code; undefined if none does. */
export async function followersOf(
  { environment }: CommandLine,
  ids: readonly string[],
): Promise<(string | undefined)[]> {
  const { connectionOptions, namespace } = loadTemporalConfiguration(environment);
  const connection = await Connection.connect(connectionOptions);
  try {
    const client = new Client({ connection, ...(namespace && { namespace }) });
    return await Promise.all(
      ids.map(async (id) => {
        const { raw } = await client.workflow.getHandle(id).describe();
        const following = raw.pendingActivities?.find(({ activityType }) => activityType?.name === "execute");
        return following?.lastWorkerIdentity || undefined;
      }),
    );
  } finally {
    await connection.close();
  }
}

/** Sends new runs to a version, by the command of docs/fleet.md. */
export async function setCurrentVersion(client: CommandLine, deployment: string, buildId: string): Promise<void> {
  const { path } = await findTemporalBinary({ cacheDirectory: kgentsPaths().cache, progress: () => {} });
  const version = ["--deployment-name", deployment, "--build-id", buildId];
  const { code, stderr } = await client.program(path, [
    ...["worker", "deployment", "set-current-version", "--yes"],
    ...version,
  ]);
  if (code !== 0) throw new Error(`set-current-version ${version.join(" ")}: ${stderr}`);
}

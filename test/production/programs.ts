/**
 * Temporal's production server, its schema tool and the compose parser, built from Go modules; and PostgreSQL from
 * Debian.
 */
import { globSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { buildGoPrograms, type GoPrograms } from "../support/go-module.ts";
import { runOrFail } from "../support/run.ts";

const sources = fileURLToPath(new URL("./go", import.meta.url));
/** By the program names in their images, which the scripts of deploy/ use. */
const packages = {
  "temporal-server": "go.temporal.io/server/cmd/server",
  "temporal-sql-tool": "go.temporal.io/server/cmd/tools/sql",
  compose: "./compose",
};
/** A separate module: its dependencies would change the versions of the others. */
const gatewaySources = fileURLToPath(new URL("./go-gateway", import.meta.url));
const gateway = "github.com/versity/versitygw/cmd/versitygw";

async function build(settings: GoPrograms): Promise<string> {
  await runOrFail(["go", "version"]).catch((error) => {
    throw new Error("the tests of the production stack need Go; KGENTS_TEST_PRODUCTION=off leaves them out", {
      cause: error,
    });
  });
  return buildGoPrograms(settings);
}

/**
 * Builds Temporal's programs and returns their directory.
 *
 * @throws if Go is not installed
 */
export const buildPrograms = (progress: (line: string) => void): Promise<string> =>
  build({
    name: "production",
    directory: sources,
    programs: packages,
    onBuild: () =>
      progress(
        "building Temporal's production server from Go modules, once for this machine (about 3 minutes on 2 cores)",
      ),
  });

/**
 * Builds the S3-compatible server, Versity's gateway.
 *
 * @throws if Go is not installed
 */
export async function buildGateway(progress: (line: string) => void): Promise<string> {
  const directory = await build({
    name: "gateway",
    directory: gatewaySources,
    programs: { versitygw: gateway },
    onBuild: () =>
      progress("building an S3-compatible server from Go modules, once for this machine (about 1 minute on 2 cores)"),
  });
  return join(directory, "versitygw");
}

/** The directory of the newest PostgreSQL's programs, which Debian does not put on the PATH. */
export function findPostgres(): string {
  const found = globSync("/usr/lib/postgresql/*/bin/postgres");
  const newest = found.sort((a, b) => a.localeCompare(b, "en", { numeric: true })).at(-1);
  if (newest === undefined)
    throw new Error("the tests of the production stack need PostgreSQL: apt-get install postgresql");
  return join(newest, "..");
}

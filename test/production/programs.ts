/** Temporal's production server, its schema tool and the compose parser, from Go modules; and PostgreSQL from Debian. */
import { globSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { runOrFail } from "../cluster/native/run.ts";
import { cached, contentKey } from "../support/cached.ts";

const sources = fileURLToPath(new URL("./go", import.meta.url));
/** By the names that their images give them: the scripts of deploy/ call them so. */
const packages = {
  "temporal-server": "go.temporal.io/server/cmd/server",
  "temporal-sql-tool": "go.temporal.io/server/cmd/tools/sql",
  compose: "./compose",
};
/** A module of its own: what it needs would change the versions of the others. */
const gatewaySources = fileURLToPath(new URL("./go-gateway", import.meta.url));
const gateway = "github.com/versity/versitygw/cmd/versitygw";

/** Builds programs of a Go module, once for this machine, and again when their versions change. Returns their directory. */
async function buildModule(
  name: string,
  directory: string,
  programs: Readonly<Record<string, string>>,
  onBuild: () => void,
): Promise<string> {
  const goVersion = await runOrFail(["go", "env", "GOVERSION", "GOARCH"]).catch((error) => {
    throw new Error("the tests of the production stack need Go; KGENTS_TEST_PRODUCTION=off leaves them out", {
      cause: error,
    });
  });
  return cached(`${name}-${await contentKey([directory], [goVersion])}`, async (draft) => {
    onBuild();
    for (const [program, place] of Object.entries(programs)) {
      const argv = ["go", "build", "-trimpath", "-ldflags", "-s -w", "-o", join(draft, program), place] as const;
      await runOrFail([...argv], { directory });
    }
  });
}

/**
 * The directory with Temporal's programs.
 *
 * @throws where this machine has no Go
 */
export const buildPrograms = (progress: (line: string) => void): Promise<string> =>
  buildModule("production", sources, packages, () =>
    progress(
      "building Temporal's production server from Go modules, once for this machine (about 3 minutes on 2 cores)",
    ),
  );

/**
 * The S3-compatible server: Versity's gateway.
 *
 * @throws where this machine has no Go
 */
export async function buildGateway(progress: (line: string) => void): Promise<string> {
  const directory = await buildModule("gateway", gatewaySources, { versitygw: gateway }, () =>
    progress("building an S3-compatible server from Go modules, once for this machine (about 1 minute on 2 cores)"),
  );
  return join(directory, "versitygw");
}

/** The directory of PostgreSQL's programs, which Debian keeps out of the PATH: of the newest version. */
export function findPostgres(): string {
  const found = globSync("/usr/lib/postgresql/*/bin/postgres");
  const newest = found.sort((a, b) => a.localeCompare(b, "en", { numeric: true })).at(-1);
  if (newest === undefined)
    throw new Error("the tests of the production stack need PostgreSQL: apt-get install postgresql");
  return join(newest, "..");
}

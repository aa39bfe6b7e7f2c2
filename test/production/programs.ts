/** Temporal's production server, its schema tool and the compose parser, from Go modules; and PostgreSQL from Debian. */
import { globSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { cached, contentKey } from "../cluster/native/cached.ts";
import { runOrFail } from "../cluster/native/run.ts";

const sources = fileURLToPath(new URL("./go", import.meta.url));
/** By the names that their images give them: the scripts of deploy/ call them so. */
const packages = {
  "temporal-server": "go.temporal.io/server/cmd/server",
  "temporal-sql-tool": "go.temporal.io/server/cmd/tools/sql",
  compose: "./compose",
};

/**
 * The directory with the programs: built once for this machine, and again when their versions change.
 *
 * @throws where this machine has no Go
 */
export async function buildPrograms(progress: (line: string) => void): Promise<string> {
  const goVersion = await runOrFail(["go", "env", "GOVERSION", "GOARCH"]).catch((error) => {
    throw new Error("the tests of the production stack need Go; KGENTS_TEST_PRODUCTION=off leaves them out", {
      cause: error,
    });
  });
  return cached(`production-${await contentKey([sources], [goVersion])}`, async (directory) => {
    progress(
      "building Temporal's production server from Go modules, once for this machine (about 3 minutes on 2 cores)",
    );
    for (const [name, place] of Object.entries(packages)) {
      await runOrFail(["go", "build", "-trimpath", "-ldflags", "-s -w", "-o", join(directory, name), place], {
        directory: sources,
      });
    }
  });
}

/** The directory of PostgreSQL's programs, which Debian keeps out of the PATH: of the newest version. */
export function findPostgres(): string {
  const found = globSync("/usr/lib/postgresql/*/bin/postgres");
  const newest = found.sort((a, b) => a.localeCompare(b, "en", { numeric: true })).at(-1);
  if (newest === undefined)
    throw new Error("the tests of the production stack need PostgreSQL: apt-get install postgresql");
  return join(newest, "..");
}

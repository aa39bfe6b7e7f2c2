/** PostgreSQL as started by docker-compose.yml, as a process of its own user. */
import { chown, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { freePort } from "../support/dev-server.ts";
import { run, runOrFail } from "../support/run.ts";
import type { ComposeService } from "./compose-file.ts";
import { startServerProcess } from "./processes.ts";
import { findPostgres } from "./programs.ts";

/** A running PostgreSQL server. */
export interface Postgres {
  readonly port: number;
  /** Returns rows of columns, separated by `|`. */
  readonly query: (database: string, sql: string) => Promise<string[][]>;
  /** All databases as SQL, like the backup of docs/production.md. */
  readonly dump: () => Promise<string>;
  /** Restores a dump on a server that has none of its databases. */
  readonly restore: (dump: string) => Promise<void>;
  readonly stop: () => Promise<void>;
}

/** PostgreSQL refuses to run as root. */
async function ownUser(): Promise<{ uid?: number; gid?: number }> {
  if (process.getuid?.() !== 0) return {};
  const [uid, gid] = await Promise.all(["-u", "-g"].map((flag) => runOrFail(["id", flag, "postgres"])));
  return { uid: Number(uid), gid: Number(gid) };
}

/** @param directory its owner becomes the server's user */
export async function startPostgres(service: ComposeService, directory: string, password: string): Promise<Postgres> {
  const programs = findPostgres();
  const user = await ownUser();
  const port = await freePort();
  const data = join(directory, "data");
  const passwordFile = join(directory, "password");
  await mkdir(directory, { mode: 0o700 });
  await writeFile(passwordFile, password);
  if (user.uid !== undefined && user.gid !== undefined) {
    await chown(directory, user.uid, user.gid);
    await chown(passwordFile, user.uid, user.gid);
  }
  const superuser = service.environment?.POSTGRES_USER ?? "";
  // Like the image's own entry point.
  await runOrFail(
    [join(programs, "initdb"), "-D", data, "-U", superuser, `--pwfile=${passwordFile}`, "--auth=scram-sha-256", "-N"],
    { directory, ...user },
  );
  const environment = { PGPASSWORD: password };
  const place = ["-h", "127.0.0.1", "-p", `${port}`, "-U", superuser];
  const psql = (database: string, sql: string) =>
    run([join(programs, "psql"), ...place, "-XAt", "-c", sql, database], { environment });
  const [, ...settings] = service.command ?? [];
  const server = await startServerProcess(
    [join(programs, "postgres"), "-D", data, "-k", directory, "-h", "127.0.0.1", "-p", `${port}`, ...settings],
    { ...user, cwd: directory },
    async () => (await psql("postgres", "select 1")).code === 0,
    // A fast shutdown: connections are closed, nothing is lost.
    "SIGINT",
  );
  return {
    port,
    query: async (database, sql) => {
      const { code, stdout, stderr } = await psql(database, sql);
      if (code !== 0) throw new Error(`${sql}: ${stderr}`);
      return stdout.split("\n").flatMap((line) => (line === "" ? [] : [line.split("|")]));
    },
    dump: () => runOrFail([join(programs, "pg_dumpall"), ...place, "--no-role-passwords"], { environment }),
    restore: async (dump) => {
      await runOrFail([join(programs, "psql"), ...place, "-Xq", "postgres"], { environment, input: dump });
    },
    stop: server.stop,
  };
}

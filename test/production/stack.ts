/** The stack of docker-compose.yml without containers: its own values, with other paths and ports. */
import { chmod, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { Connection } from "@temporalio/client";
import { loadTemporalConfiguration } from "#platform/temporal/temporal-configuration";
import { freePort } from "../support/dev-server.ts";
import { runOrFail } from "../support/run.ts";
import { type ComposeService, composeFile, root, serviceOf } from "./compose-file.ts";
import { type Postgres, startPostgres } from "./postgres.ts";
import { startServerProcess } from "./processes.ts";

/** A production server on PostgreSQL, with its databases set up and no namespace yet. */
export interface ProductionStack {
  readonly address: string;
  readonly pid: number;
  /** A client's environment, as in the compose file: address, namespace, certificates. */
  readonly environment: Readonly<Record<string, string>>;
  /** The arguments of `kgents` in the compose file's service `setup`. */
  readonly setupArguments: readonly string[];
  readonly postgres: Postgres;
  /** The directory of all its files; the secrets are in `secrets`. */
  readonly directory: string;
  readonly stop: () => Promise<void>;
}

interface StackOptions {
  /** The compose file's profile: `prod` uses certificates, `dev` does not. */
  readonly profile: "dev" | "prod";
  /** Additional environment of the server, for settings that are not in the compose file. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Databases to restore, as dumped by another stack's PostgreSQL. */
  readonly dump?: string;
}

/** Every port that Temporal listens on, by the variable that sets it. */
const portVariables = ["FRONTEND", "INTERNAL_FRONTEND", "HISTORY", "MATCHING", "WORKER"].flatMap((part) => [
  `${part}_GRPC_PORT`,
  `${part}_MEMBERSHIP_PORT`,
  `${part}_HTTP_PORT`,
]);

/** Replaces the paths in a service's container by paths on this machine. */
function pathsOf(service: ComposeService, secrets: string): (text: string) => string {
  const mounts = (service.volumes ?? []).filter(({ type }) => type === "bind");
  return (text) =>
    [...mounts, { target: "/run/secrets", source: secrets }].reduce(
      (path, { target, source }) => path.replace(new RegExp(`^${target}(?=/|$)`), source),
      text,
    );
}

/** A service's environment with this machine's paths. */
function environmentOf(service: ComposeService, secrets: string): Record<string, string> {
  const here = pathsOf(service, secrets);
  return Object.fromEntries(Object.entries(service.environment ?? {}).map(([name, value]) => [name, here(value)]));
}

/** A service's entry point with its command. */
function argv(
  service: ComposeService,
  secrets: string,
  command: readonly string[] | null | undefined,
): [string, ...string[]] {
  const [program, ...args] = [...(service.entrypoint ?? []), ...(command ?? [])].map(pathsOf(service, secrets));
  if (program === undefined) throw new Error(`${service.image}: neither entrypoint nor command`);
  return [program, ...args];
}

const withPrograms = (programs: string) => ({ PATH: [programs, process.env.PATH].join(delimiter) });

/** Does the same as the compose file's service `schema`. */
export async function setUpSchema(
  programs: string,
  service: ComposeService,
  secrets: string,
  { port }: Pick<Postgres, "port">,
): Promise<void> {
  await runOrFail(argv(service, secrets, service.command), {
    environment: {
      ...withPrograms(programs),
      ...environmentOf(service, secrets),
      SQL_HOST: "127.0.0.1",
      SQL_PORT: `${port}`,
    },
  });
}

/** @throws with the output of a part that does not start */
export async function startProductionStack(programs: string, options: StackOptions): Promise<ProductionStack> {
  const { profile } = options;
  const suffix = profile === "dev" ? "-dev" : "";
  const compose = await composeFile(programs);
  const directory = await mkdtemp(join(tmpdir(), "kgents-production-"));
  // PostgreSQL's own user traverses it.
  await chmod(directory, 0o711);
  const secrets = join(directory, "secrets");
  const stops: (() => Promise<void>)[] = [() => rm(directory, { recursive: true, force: true })];
  const stop = async (): Promise<void> => {
    for (const end of stops.splice(0).reverse()) await end();
  };
  try {
    await runOrFail([join(root, "deploy", "compose", "make-secrets.sh"), secrets]);
    const password = (await readFile(join(secrets, "postgres-password"), "utf8")).trim();
    const postgres = await startPostgres(serviceOf(compose, "postgres"), join(directory, "postgres"), password);
    stops.push(postgres.stop);
    if (options.dump !== undefined) {
      await postgres.restore(options.dump);
      // The server waits for members that were alive seconds ago. A dump older than a minute has none.
      await postgres.query("temporal", "delete from cluster_membership");
    }
    await setUpSchema(programs, serviceOf(compose, "schema"), secrets, postgres);

    const temporal = serviceOf(compose, `temporal${suffix}`);
    const ports = Object.fromEntries(
      await Promise.all(portVariables.map(async (name) => [name, `${await freePort()}`] as const)),
    );
    const address = `127.0.0.1:${ports.FRONTEND_GRPC_PORT}`;
    const client = serviceOf(compose, `setup${suffix}`);
    const environment = {
      ...environmentOf(client, secrets),
      TEMPORAL_ADDRESS: address,
      // In the compose network, this name is the address. The certificate is not valid for an IP address.
      ...(profile === "prod" ? { TEMPORAL_TLS_SERVER_NAME: "temporal" } : {}),
    };
    const server = await startServerProcess(
      // The program that the image's own script finally executes.
      argv(temporal, secrets, ["temporal-server", "start"]),
      {
        env: {
          ...withPrograms(programs),
          ...environmentOf(temporal, secrets),
          ...ports,
          POSTGRES_SEEDS: "127.0.0.1",
          DB_PORT: `${postgres.port}`,
          BIND_ON_IP: "127.0.0.1",
          PROMETHEUS_ENDPOINT: `127.0.0.1:${await freePort()}`,
          ...options.environment,
        },
      },
      () => answers(environment),
      "SIGTERM",
    );
    stops.push(server.stop);
    const setupArguments = client.command ?? [];
    return { address, pid: server.pid, environment, setupArguments, postgres, directory, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Whether the server accepts calls. */
async function answers(environment: Record<string, string>): Promise<boolean> {
  const { connectionOptions } = loadTemporalConfiguration(environment);
  try {
    const connection = await Connection.connect({ ...connectionOptions, connectTimeout: "1s" });
    await connection.close();
    return true;
  } catch {
    return false;
  }
}

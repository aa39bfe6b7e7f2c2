/** The artifact store of docker-compose.yml, started without containers. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { inject } from "vitest";
import { freePort } from "../support/dev-server.ts";
import { run, runOrFail } from "../support/run.ts";
import { composeFile, root, serviceOf } from "./compose-file.ts";
import { startServerProcess } from "./processes.ts";
import { buildGateway } from "./programs.ts";

export interface ArtifactStoreServer extends AsyncDisposable {
  /** On this machine's loopback, with TLS. */
  readonly port: number;
  /** A directory that contains `store-credentials` and `ca.crt`, among others. */
  readonly secrets: string;
  /** A client's environment. */
  readonly environment: Readonly<Record<string, string>>;
}

/** Starts one, with an empty bucket `kgents-artifacts`. It has its own CA, not that of the Temporal server. */
export async function startArtifactStore(): Promise<ArtifactStoreServer> {
  const directory = await mkdtemp(join(tmpdir(), "kgents-store-"));
  const secrets = join(directory, "secrets");
  await runOrFail([join(root, "deploy/compose/make-secrets.sh"), secrets]);
  const service = serviceOf(await composeFile(inject("productionPrograms")), "store");
  const gateway = await buildGateway((line) => process.stderr.write(`tests: ${line}\n`));
  const port = await freePort();
  const here = { "/data": directory, "/run/secrets": secrets, ":7070": `127.0.0.1:${port}` };
  const placed = Object.entries(service.environment ?? {}).map(([name, value]) => [
    name,
    Object.entries(here).reduce((text, [there, place]) => text.replace(there, place), value),
  ]);
  const authority = join(secrets, "ca.crt");
  const handshake = ["-connect", `127.0.0.1:${port}`, "-CAfile", authority, "-verify_return_error"];
  const server = await startServerProcess(
    ["/bin/sh", join(root, "deploy/compose/run-store.sh")],
    { env: { PATH: [dirname(gateway), process.env.PATH].join(delimiter), ...Object.fromEntries(placed) } },
    async () => (await run(["openssl", "s_client", ...handshake])).code === 0,
    "SIGTERM",
  );
  return {
    port,
    secrets,
    environment: {
      AWS_SHARED_CREDENTIALS_FILE: join(secrets, "store-credentials"),
      NODE_EXTRA_CA_CERTS: authority,
    },
    [Symbol.asyncDispose]: async () => {
      await server.stop();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

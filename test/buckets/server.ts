/** A real S3-compatible server for tests: Versity's gateway on a directory of this machine. */
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inject } from "vitest";
import type { BucketSettings } from "#platform/store/bucket/bucket";
import { type ServerProcess, startServerProcess } from "../production/processes.ts";
import { freePort } from "../support/dev-server.ts";

/** A server with one bucket. */
export interface BucketServer extends AsyncDisposable {
  readonly settings: BucketSettings;
  /** The environment that a program needs to connect. */
  readonly environment: Readonly<Record<string, string>>;
  /** Where the server keeps the bucket's objects, as files of their names. */
  readonly directory: string;
  /** Stops it: the bucket is unavailable. */
  readonly stop: () => Promise<void>;
  /** Starts it again at the same address. */
  readonly start: () => Promise<void>;
}

/** Starts a server with a bucket. Sets its credentials in this process's environment. */
export async function startBucketServer(): Promise<BucketServer> {
  const program = inject("bucketGateway");
  const root = await mkdtemp(join(tmpdir(), "kgents-buckets-"));
  const name = "kgents-test";
  const directory = join(root, "buckets", name);
  const sidecar = join(root, "sidecar");
  await mkdir(directory, { recursive: true });
  await mkdir(sidecar);
  const address = `127.0.0.1:${await freePort()}`;
  const environment = { AWS_ACCESS_KEY_ID: "kgents", AWS_SECRET_ACCESS_KEY: "kgents-secret", AWS_REGION: "us-east-1" };
  Object.assign(process.env, environment);
  const answers = async (): Promise<boolean> => {
    const answer = await fetch(`http://${address}/health`).catch(() => undefined);
    return answer?.ok === true;
  };
  const run = (): Promise<ServerProcess> =>
    startServerProcess(
      [
        ...([program, "--port", address, "--access", environment.AWS_ACCESS_KEY_ID] as const),
        ...["--secret", environment.AWS_SECRET_ACCESS_KEY, "--health", "/health"],
        ...["posix", "--sidecar", sidecar, join(root, "buckets")],
      ],
      {},
      answers,
      "SIGKILL",
    );
  let server = await run();
  return {
    settings: { name, prefix: "runs-of-a-test/", endpoint: `http://${address}` },
    environment,
    directory,
    start: async () => {
      server = await run();
    },
    stop: () => server.stop(),
    [Symbol.asyncDispose]: async () => {
      await server.stop();
      await rm(root, { recursive: true, force: true });
    },
  };
}

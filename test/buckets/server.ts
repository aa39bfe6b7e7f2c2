/** A real S3-compatible server for tests: Versity's gateway on a directory of this machine, built from its Go module. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { BucketSettings } from "../../activities/store/bucket/bucket.ts";
import { runOrFail } from "../cluster/native/run.ts";
import { cached, contentKey } from "../support/cached.ts";
import { freePort } from "../support/dev-server.ts";

const sources = fileURLToPath(new URL("./go", import.meta.url));

/** The program; built once for this machine. */
async function buildGateway(): Promise<string> {
  const key = await contentKey([sources], [await runOrFail(["go", "env", "GOVERSION", "GOARCH"])]);
  const directory = await cached(`versitygw-${key}`, async (draft) => {
    const output = join(draft, "versitygw");
    await runOrFail(
      ["go", "build", "-trimpath", "-ldflags", "-s -w", "-o", output, "github.com/versity/versitygw/cmd/versitygw"],
      {
        directory: sources,
        environment: { CGO_ENABLED: "0" },
      },
    );
  });
  return join(directory, "versitygw");
}

/** A server with one bucket. */
export interface BucketServer extends AsyncDisposable {
  readonly settings: BucketSettings;
  /** What a program needs to reach it. */
  readonly environment: Readonly<Record<string, string>>;
  /** Where the server keeps the bucket's objects, as files of their names. */
  readonly directory: string;
  /** Ends it: the bucket is away. */
  readonly stop: () => Promise<void>;
  /** Starts it again at the same address. */
  readonly start: () => Promise<void>;
}

/** Starts a server, with a bucket. The credentials are in this process's environment from then on. */
export async function startBucketServer(): Promise<BucketServer> {
  const program = await buildGateway();
  const root = await mkdtemp(join(tmpdir(), "kgents-buckets-"));
  const name = "kgents-test";
  const directory = join(root, "buckets", name);
  const sidecar = join(root, "sidecar");
  await mkdir(directory, { recursive: true });
  await mkdir(sidecar);
  const port = await freePort();
  const environment = { AWS_ACCESS_KEY_ID: "kgents", AWS_SECRET_ACCESS_KEY: "kgents-secret", AWS_REGION: "us-east-1" };
  Object.assign(process.env, environment);
  let end = async (): Promise<void> => {};
  const start = async (): Promise<void> => {
    const child = spawn(
      program,
      [
        ...["--port", `127.0.0.1:${port}`, "--access", environment.AWS_ACCESS_KEY_ID],
        ...["--secret", environment.AWS_SECRET_ACCESS_KEY, "--health", "/health"],
        ...["posix", "--sidecar", sidecar, join(root, "buckets")],
      ],
      { stdio: ["ignore", "pipe", "pipe"] },
    );
    let said = "";
    for (const stream of [child.stdout, child.stderr]) {
      createInterface({ input: stream }).on("line", (line) => (said = `${said}${line}\n`.slice(-2000)));
    }
    const exited = once(child, "exit");
    const failed = exited.then(([code]) => Promise.reject(new Error(`versitygw ended with ${code}: ${said}`)));
    failed.catch(() => {});
    const answers = async (): Promise<void> => {
      while (child.exitCode === null) {
        const answer = await fetch(`http://127.0.0.1:${port}/health`).catch(() => undefined);
        if (answer?.ok) return;
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    };
    await Promise.race([answers(), failed]);
    end = async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill("SIGKILL");
      await exited;
    };
  };
  await start();
  return {
    settings: { name, prefix: "runs-of-a-test/", endpoint: `http://127.0.0.1:${port}` },
    environment,
    directory,
    start,
    stop: () => end(),
    [Symbol.asyncDispose]: async () => {
      await end();
      await rm(root, { recursive: true, force: true });
    },
  };
}

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestProject } from "vitest/node";
import { findTemporalBinary } from "#client/stack/temporal-binary";
import { kgentsPaths } from "#platform/host/paths";
import { type DevServer, startDevServer } from "./dev-server.ts";

declare module "vitest" {
  export interface ProvidedContext {
    /** The address of the Temporal server that test files share. Each file uses its own task queue. */
    temporalAddress: string;
    /** The address of that server's UI. */
    temporalUi: string;
    /** The Temporal CLI, for tests that start their own servers. */
    temporalBinary: string;
  }
}

let server: DevServer | undefined;
let directory: string | undefined;

/** Starts one Temporal server for all test files. It is found or installed as the product does it. */
export async function setup(project: TestProject): Promise<void> {
  const binary = await findTemporalBinary({
    cacheDirectory: kgentsPaths().cache,
    progress: (line) => process.stderr.write(`tests: ${line}\n`),
  });
  directory = await mkdtemp(join(tmpdir(), "kgents-tests-"));
  server = await startDevServer(binary.path, join(directory, "temporal.db"));
  project.provide("temporalAddress", server.address);
  project.provide("temporalUi", server.uiUrl);
  project.provide("temporalBinary", binary.path);
}

export async function teardown(): Promise<void> {
  await server?.stop();
  if (directory) await rm(directory, { recursive: true, force: true });
}

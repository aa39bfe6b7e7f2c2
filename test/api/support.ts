import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Quartermaster } from "#client/sdk/quartermaster";
import type { Mode, QuartermasterOptions } from "#client/sdk/quartermaster-options";
import { startTestWorker, type TestWorker } from "../support/test-worker.ts";

/** A worker for tests, and Quartermasters for its queue as a user's program would create them. */
export interface Yard extends AsyncDisposable {
  readonly worker: TestWorker;
  readonly directory: string;
  /**
   * @param shared whether it sees the worker's artifact store, as programs on the worker's machine do
   */
  readonly quartermaster: <M extends Mode = "auto">(
    options?: QuartermasterOptions<M> & { shared?: boolean },
  ) => Quartermaster<M>;
}

/** Directories of this process, so that a Quartermaster does not find the user's. */
async function ownDirectories(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "kgents-api-"));
  for (const name of Object.keys(process.env)) {
    if (/^(TEMPORAL_|KGENTS_)/.test(name)) delete process.env[name];
  }
  process.env.XDG_STATE_HOME = join(directory, "state");
  process.env.XDG_CONFIG_HOME = join(directory, "config");
  return directory;
}

/** Starts a worker against the tests' Temporal server. */
export async function openYard(address: string): Promise<Yard> {
  const worker = await startTestWorker(address);
  const directory = await ownDirectories();
  const configurationFile = join(directory, "shared.yaml");
  await writeFile(configurationFile, `artifacts: { directory: ${worker.store.directory} }\n`);
  const opened: Quartermaster<Mode>[] = [];
  return {
    worker,
    directory,
    quartermaster: ({ shared = true, ...options } = {}) => {
      const made = new Quartermaster({
        address,
        taskQueue: worker.taskQueue,
        ...(shared ? { configurationFile } : {}),
        ...options,
      });
      opened.push(made);
      return made;
    },
    [Symbol.asyncDispose]: async () => {
      for (const made of opened) await made.close();
      await worker[Symbol.asyncDispose]();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

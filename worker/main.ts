/**
 * The background worker of the local stack: `kgents worker`, with the files by which commands find it.
 *
 * @module
 */
import { dirname } from "node:path";
import { parseArgs } from "node:util";
import { createLogger } from "#platform/host/logger";
import { whileServerStarts } from "#platform/host/server-record";
import { workerFilesBeside, writeWorkerReady, writeWorkerStatus } from "#platform/host/worker-files";
import { work } from "./command.ts";
import { endByItself, watchIdentity } from "./watch-identity.ts";

const { values } = parseArgs({
  options: {
    "identity-file": { type: "string" },
    "task-queue": { type: "string" },
    config: { type: "string" },
    "own-server": { type: "string" },
  },
});
const identityFile = values["identity-file"];
const ownServer = values["own-server"];
if (identityFile === undefined) throw new Error("--identity-file is missing: `kgents up` starts this program");

const files = workerFilesBeside(identityFile);
const { pid } = process;

// Write one at a time, always the latest number.
let written = Promise.resolve();
let activeRuns = 0;
const onActivity = (active: number): void => {
  activeRuns = active;
  written = written.then(() => writeWorkerStatus(files, { pid, activeRuns })).catch(() => {});
};

const exitCode = await work(
  {
    metricsHost: "127.0.0.1",
    drain: "10s",
    ...(values["task-queue"] === undefined ? {} : { taskQueue: values["task-queue"] }),
    ...(values.config === undefined ? {} : { config: values.config }),
  },
  {
    // The command that starts this worker has only just started the server, too.
    beforeConnecting: async () => {
      if (ownServer !== undefined) await whileServerStarts(dirname(identityFile), ownServer);
    },
    onActivity,
    onReady: async () => {
      onActivity(0);
      await written;
      await writeWorkerReady(files, { pid });
      watchIdentity({ files, ownServer }, endByItself(createLogger()));
    },
  },
);
// Temporal's runtime would keep the process alive, even if the worker could not start.
process.exit(exitCode);

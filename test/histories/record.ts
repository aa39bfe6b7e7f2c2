/**
 * Records one history for each path of each workflow under `test/histories/VERSION/`. The built workflows of this
 * version run against a real server. Done once for each release; recorded files never change.
 *
 * @module
 */
import { execFile } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { Client, Connection, type WorkflowHandle } from "@temporalio/client";
import { defaultPayloadConverter } from "@temporalio/common";
import { findTemporalBinary } from "#client/stack/temporal-binary";
import { traceHeader } from "#core/telemetry/trace-context";
import { createLogger } from "#platform/host/logger";
import { kgentsPaths } from "#platform/host/paths";
import { installRuntime } from "#worker/logging";
import packageJson from "../../package.json" with { type: "json" };
import { startDevServer } from "../support/dev-server.ts";
import { type RecordingWorkers, startRecordingWorkers } from "./recording-workers.ts";
import { queues } from "./samples.ts";
import type { Scenario } from "./scenario.ts";
import { scenarios } from "./scenarios.ts";

const directory = new URL(`./${packageJson.version}/`, import.meta.url);
/** Low, so that a batch of a few runs continues as new. */
const suggestNewHistoryAfter = 12;
const pollMilliseconds = 50;

interface HistoryEvent {
  readonly eventType: string;
}

const run = promisify(execFile);

/** The history of a run in Temporal's JSON format, without the stacks of failures, which name files of this machine. */
async function historyOf(
  temporal: string,
  address: string,
  workflowId: string,
  runId: string,
): Promise<HistoryEvent[]> {
  const show = ["workflow", "show", "--output", "json", "--address", address, "-w", workflowId, "-r", runId];
  const { stdout } = await run(temporal, show, { maxBuffer: 64 * 2 ** 20 });
  const { events }: { events: HistoryEvent[] } = JSON.parse(stdout, (key, value) =>
    key === "stackTrace" ? "" : value,
  );
  return events;
}

async function record(
  name: string,
  scenario: Scenario,
  {
    client,
    workers,
    temporal,
    address,
  }: { client: Client; workers: RecordingWorkers; temporal: string; address: string },
): Promise<void> {
  const occupy = async (workflowId: string): Promise<void> => {
    // On a queue without pollers: the workflow only has to exist.
    await client.workflow.start("nothing", { workflowId, taskQueue: "nobody" });
  };
  await scenario.before?.({ occupy });
  const handle = await client.workflow.start(scenario.workflow, {
    workflowId: name,
    taskQueue: queues.shared,
    args: [...scenario.args],
  });
  const eventsOf = (runId: string) => historyOf(temporal, address, name, runId);
  await scenario.act?.({
    handle,
    occupy,
    begun: (activity, call) => workers.begun(name, activity, call),
    recorded: async (type, count = 1) => {
      for (;;) {
        const events = await eventsOf(handle.firstExecutionRunId);
        if (events.filter(({ eventType }) => eventType === `EVENT_TYPE_${type}`).length >= count) return;
        await new Promise((resolve) => setTimeout(resolve, pollMilliseconds));
      }
    },
  });
  await handle.result().catch(() => {});
  const recorded: WorkflowHandle =
    scenario.run === "last"
      ? client.workflow.getHandle(name)
      : client.workflow.getHandle(name, handle.firstExecutionRunId);
  const { runId, status } = await recorded.describe();
  const events = await eventsOf(runId);
  const types = events.map(({ eventType }) => eventType);
  const missing = (scenario.has ?? []).filter((type) => !types.includes(`EVENT_TYPE_${type}`));
  const expected = scenario.closes ?? "COMPLETED";
  if (status.name !== expected || missing.length > 0) {
    throw new Error(`${name}: closed as ${status.name}, not ${expected}, or its history lacks ${missing.join(", ")}`);
  }
  // One event per line: compact, and easy to compare.
  const lines = events.map((event) => JSON.stringify(event)).join(",\n");
  await writeFile(new URL(`${name}.json`, directory), `{"events":[\n${lines}\n]}\n`, { flag: "wx" });
}

process.env.LOG_LEVEL ??= "error";
installRuntime(createLogger(), undefined);
await mkdir(directory).catch((error) => {
  throw new Error(`${packageJson.version} is recorded already; what a released version made is never recorded anew`, {
    cause: error,
  });
});
const { path: temporal } = await findTemporalBinary({
  cacheDirectory: kgentsPaths().cache,
  progress: (line) => process.stderr.write(`${line}\n`),
});
const database = await mkdtemp(join(tmpdir(), "kgents-histories-"));
const server = await startDevServer(temporal, join(database, "temporal.db"), {
  more: ["--dynamic-config-value", `limit.historyCount.suggestContinueAsNew=${suggestNewHistoryAfter}`],
});
try {
  const connection = await Connection.connect({ address: server.address });
  const client = new Client({
    connection,
    identity: "recorder",
    interceptors: {
      workflow: [
        {
          start: (input, next) => {
            const traceparent = scenarios[input.options.workflowId]?.traceparent;
            if (traceparent === undefined) return next(input);
            const header = defaultPayloadConverter.toPayload({ traceparent });
            return next({ ...input, headers: { ...input.headers, [traceHeader]: header } });
          },
        },
      ],
    },
  });
  await using workers = await startRecordingWorkers(server.address, scenarios);
  const about = { client, workers, temporal, address: server.address };
  const ends = await Promise.allSettled(
    Object.entries(scenarios).map(([name, scenario]) => record(name, scenario, about)),
  );
  const failures = ends.flatMap((end) => (end.status === "rejected" ? [end.reason] : []));
  for (const failure of failures) process.stderr.write(`${failure}\n`);
  process.exitCode = failures.length === 0 ? 0 : 1;
  process.stdout.write(`recorded ${ends.length - failures.length} histories of ${packageJson.version}\n`);
  await connection.close();
} finally {
  await server.stop();
  await rm(database, { recursive: true, force: true });
}

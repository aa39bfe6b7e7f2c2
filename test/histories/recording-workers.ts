import { EventEmitter, once } from "node:events";
import { fileURLToPath } from "node:url";
import { Context } from "@temporalio/activity";
import { NativeConnection, Worker } from "@temporalio/worker";
import { withTypedFailures } from "#activities/failures";
import { clusterWaitingTaskQueue, waitingTaskQueue } from "#core/contract/names";
import { workflowSinks } from "#worker/interceptors";
import { environment, output, queues, sandboxCell } from "./samples.ts";
import type { Moment, RecordedActivities, Scenarios, Script, Step } from "./scenario.ts";

/** The built workflow bundle. */
export const bundlePath = fileURLToPath(new URL("../../dist/worker/workflow-bundle.js", import.meta.url));

/** The workers of a recording. */
export interface RecordingWorkers extends AsyncDisposable {
  /** Resolves when an activity of a scenario starts for the given time. */
  readonly begun: (scenario: string, ...of: Parameters<Moment["begun"]>) => Promise<void>;
}

const usual: { [Name in keyof RecordedActivities]: Step<Name> } = {
  provision: (_input, cellId) => sandboxCell(cellId),
  execute: () => output(),
  prepareEnvironment: () => environment,
  salvage: () => output(),
  cleanUp: () => undefined,
  readRequests: () => [],
  releaseCell: () => undefined,
  removeCell: () => undefined,
  sweepCells: () => ({ looked: 0, removed: [], stopped: null }),
  awaitRollout: () => ({ outcome: "ready", reason: "Available", message: "all pods are available" }),
};

/** The scenario that a workflow belongs to: its own id, or its parent's within it. */
const scenarioOf = (workflowId: string): string =>
  workflowId.replace(/^reap-kgents-(.*)-\d+$/, "$1").split("/")[0] ?? workflowId;

/**
 * Starts workers with the built workflows and scripted activities under the real names, on all queues of a real worker.
 *
 * @param address the address of a Temporal server
 */
export async function startRecordingWorkers(address: string, scenarios: Scenarios): Promise<RecordingWorkers> {
  const calls = new Map<string, number>();
  const events = new EventEmitter();
  events.setMaxListeners(0);

  const scripted = <Name extends keyof RecordedActivities>(name: Name) =>
    withTypedFailures(async (input: Parameters<RecordedActivities[Name]>[0]) => {
      const workflowId = Context.current().info.workflowExecution?.workflowId ?? "";
      const scenario = scenarioOf(workflowId);
      const key = `${scenario} ${name}`;
      const call = (calls.get(key) ?? 0) + 1;
      calls.set(key, call);
      events.emit(key);
      const script: Script = scenarios[scenario]?.script ?? {};
      const steps: readonly Step<Name>[] = script[name] ?? [usual[name]];
      const step = steps[Math.min(call, steps.length) - 1] ?? usual[name];
      const attempt = typeof input === "object" && "attempt" in input ? input.attempt : 1;
      return await step(input, `kgents-${workflowId}-${attempt}`);
    });
  const activities = {
    provision: scripted("provision"),
    execute: scripted("execute"),
    prepareEnvironment: scripted("prepareEnvironment"),
    salvage: scripted("salvage"),
    cleanUp: scripted("cleanUp"),
    readRequests: scripted("readRequests"),
    releaseCell: scripted("releaseCell"),
    removeCell: scripted("removeCell"),
    sweepCells: scripted("sweepCells"),
    awaitRollout: scripted("awaitRollout"),
  };

  const connection = await NativeConnection.connect({ address });
  // Recorded in the files, so it contains no name of this machine.
  const shared = {
    connection,
    activities,
    identity: "recorder",
    shutdownGraceTime: 0,
    maxHeartbeatThrottleInterval: 100,
  };
  const workers = await Promise.all([
    Worker.create({
      ...shared,
      taskQueue: queues.shared,
      sinks: workflowSinks(undefined),
      workflowBundle: { codePath: bundlePath },
    }),
    ...[waitingTaskQueue(queues.shared), clusterWaitingTaskQueue(queues.shared), queues.host].map((taskQueue) =>
      Worker.create({ ...shared, taskQueue }),
    ),
  ]);
  const runs = workers.map((worker) => worker.run());
  return {
    begun: async (scenario, name, call = 1) => {
      const key = `${scenario} ${name}`;
      while ((calls.get(key) ?? 0) < call) await once(events, key);
    },
    [Symbol.asyncDispose]: async () => {
      for (const worker of workers) worker.shutdown();
      await Promise.all(runs);
      await connection.close();
    },
  };
}

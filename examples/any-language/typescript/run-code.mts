/** Runs code with kgents by Temporal's SDK alone: start by workflow type, wait, query, cancel, catch a typed failure. */
import { randomUUID } from "node:crypto";
import { setTimeout } from "node:timers/promises";
import {
  ApplicationFailure,
  Client,
  Connection,
  WorkflowExecutionAlreadyStartedError,
  WorkflowFailedError,
  type WorkflowHandle,
} from "@temporalio/client";
import { loadClientConnectConfig } from "@temporalio/envconfig";

/** The fields that are used here; docs/schema/result.json has all of them. */
interface Result {
  readonly runId: string;
  readonly status: string;
  readonly exitCode: number | null;
  readonly stdout: { readonly text: string };
}

/** Starts a run. The same id again starts nothing: it leads to the run that is there. */
async function start(client: Client, workflowId: string, request: object): Promise<WorkflowHandle> {
  try {
    return await client.workflow.start("executeCode", {
      taskQueue: "kgents",
      workflowId,
      workflowIdReusePolicy: "REJECT_DUPLICATE",
      args: [request],
    });
  } catch (error) {
    if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
    return client.workflow.getHandle(workflowId);
  }
}

/** Waits until the cell is there, and answers with the phase then. */
async function waitForCode(run: WorkflowHandle): Promise<string> {
  for (;;) {
    const phase = await run.query<string>("phase");
    const { status } = await run.describe();
    if (phase !== "provisioning" || status.name !== "RUNNING") return phase;
    await setTimeout(100);
  }
}

// By the standard variables, such as TEMPORAL_ADDRESS, or on this machine.
const { connectionOptions, namespace } = loadClientConnectConfig();
const connection = await Connection.connect(connectionOptions);
const client = new Client({ connection, ...(namespace === undefined ? {} : { namespace }) });

const id = `typescript-${randomUUID()}`;
const request = { code: "echo hello from $WHO", language: "sh", env: { WHO: "TypeScript" }, timeout: "30s" };
const result: Result = await (await start(client, id, request)).result();
console.log(result.status, result.exitCode, result.stdout.text.trim());
const again: Result = await (await start(client, id, request)).result();
console.log("the same run:", again.runId === result.runId);

// Cancelling is Temporal's own. The run cleans up, and completes with a result that says so.
const long = await start(client, `typescript-${randomUUID()}`, { code: "sleep 600", language: "sh", timeout: "15m" });
console.log(await waitForCode(long));
await long.cancel();
const cancelled: Result = await long.result();
console.log(cancelled.status);

// A run that cannot be carried out fails: the type says how, the first detail what to do.
const refused = await start(client, `typescript-${randomUUID()}`, { code: "print(1)", timeout: -1 });
try {
  await refused.result();
} catch (error) {
  if (!(error instanceof WorkflowFailedError && error.cause instanceof ApplicationFailure)) throw error;
  const { type, nonRetryable, details } = error.cause;
  const [failure] = details as [{ kind: string; field?: string; remedy: string }];
  console.log([type, nonRetryable, failure.field, failure.remedy].join(" | "));
}
await connection.close();

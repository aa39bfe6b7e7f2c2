/** Runs code with kgents by Temporal's SDK alone: starts by workflow type, waits, queries, cancels, catches a failure. */
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

/** The fields that this program uses. All fields: docs/schema/result.json. */
interface Result {
  readonly runId: string;
  readonly status: string;
  readonly exitCode: number | null;
  readonly stdout: { readonly text: string };
}

/** Starts a run. If a run with this id exists, returns that run instead. */
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

/** Waits until the cell is ready or the run has ended, and returns the phase. */
async function waitForCode(run: WorkflowHandle): Promise<string> {
  for (;;) {
    const phase = await run.query<string>("phase");
    const { status } = await run.describe();
    if (phase !== "provisioning" || status.name !== "RUNNING") return phase;
    await setTimeout(100);
  }
}

// Connects as the standard variables such as TEMPORAL_ADDRESS say, or to localhost.
const { connectionOptions, namespace } = loadClientConnectConfig();
const connection = await Connection.connect(connectionOptions);
const client = new Client({ connection, ...(namespace === undefined ? {} : { namespace }) });

const id = `typescript-${randomUUID()}`;
const request = { code: "echo hello from $WHO", language: "sh", env: { WHO: "TypeScript" }, timeout: "30s" };
const result: Result = await (await start(client, id, request)).result();
console.log(result.status, result.exitCode, result.stdout.text.trim());
const again: Result = await (await start(client, id, request)).result();
console.log("the same run:", again.runId === result.runId);

// Cancel the workflow. The run cleans up, and completes with the status cancelled.
const long = await start(client, `typescript-${randomUUID()}`, { code: "sleep 600", language: "sh", timeout: "15m" });
console.log(await waitForCode(long));
await long.cancel();
const cancelled: Result = await long.result();
console.log(cancelled.status);

// A run that cannot be carried out fails. The failure's type is the kind; its first detail has the remedy.
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

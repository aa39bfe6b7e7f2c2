/**
 * Runs code without kgents' own client: any Temporal SDK can start the workflow with a JSON request, and gets the result as
 * JSON. Needs a Temporal server and a worker that run (`kgents up`, or `kgents worker` for a server of your own).
 */
import { randomUUID } from "node:crypto";
import { Client, Connection, WorkflowFailedError } from "@temporalio/client";
import { ApplicationFailure } from "@temporalio/common";

const connection = await Connection.connect({ address: process.env.TEMPORAL_ADDRESS ?? "127.0.0.1:7233" });
const client = new Client({ connection });

const run = (request: object) =>
  client.workflow.execute("executeCode", {
    taskQueue: process.env.KGENTS_TASK_QUEUE ?? "kgents",
    workflowId: `any-sdk-${randomUUID()}`,
    args: [request],
  });

const result = await run({ code: "echo hello from $WHO", language: "sh", env: { WHO: "any SDK" }, timeout: "30s" });
console.log(result.status, JSON.stringify(result.stdout.text));

// A request that is refused fails the workflow: the type says how, the first detail which field and what to do.
try {
  await run({ code: "echo", language: "sh", timeout: -1 });
} catch (error) {
  if (!(error instanceof WorkflowFailedError && error.cause instanceof ApplicationFailure)) throw error;
  console.log(error.cause.type, JSON.stringify(error.cause.details?.[0]));
}
await connection.close();

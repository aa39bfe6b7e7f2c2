/**
 * A worker that is written by hand: it answers workflow tasks with given commands, so that any end of a workflow can be
 * had without workflow code.
 *
 * @module
 */
import { type Client, defaultPayloadConverter } from "@temporalio/client";

type Service = Client["workflowService"];
export type WorkflowCommands = NonNullable<Parameters<Service["respondWorkflowTaskCompleted"]>[0]["commands"]>;

/** `CommandType` of Temporal's API. */
export const commandType = { complete: 4, fail: 5, cancel: 7, continueAsNew: 10 } as const;

export const payloadsOf = (...values: unknown[]) => ({
  payloads: values.map((value) => defaultPayloadConverter.toPayload(value)),
});

/** Takes the next workflow task of a queue and answers it. */
export async function answerNext(client: Client, taskQueue: string, commands: WorkflowCommands): Promise<void> {
  const { workflowService, options } = client;
  const { namespace } = options;
  const poll = { namespace, taskQueue: { name: taskQueue }, identity: "by-hand" };
  const { taskToken } = await client.withDeadline(Date.now() + 30_000, () =>
    workflowService.pollWorkflowTaskQueue(poll),
  );
  await workflowService.respondWorkflowTaskCompleted({ namespace, taskToken, commands, identity: "by-hand" });
}

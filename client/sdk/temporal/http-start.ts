import { randomUUID } from "node:crypto";
import { hostname } from "node:os";
import { toPayload } from "./http-messages.ts";
import type { RunStart } from "./run-service.ts";

/** The identity of this client: the SDK's default. */
export const identity = (): string => `${process.pid}@${hostname()}`;

/** The request that starts a workflow: the same fields that the SDK sends. */
export const startBody = (start: RunStart) => ({
  requestId: start.requestId ?? randomUUID(),
  identity: identity(),
  priority: start.priority,
  workflowType: { name: start.workflowType },
  taskQueue: { name: start.taskQueue, kind: "TASK_QUEUE_KIND_NORMAL" },
  input: { payloads: [toPayload(start.input)] },
  workflowIdReusePolicy: "WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE",
  workflowIdConflictPolicy: "WORKFLOW_ID_CONFLICT_POLICY_FAIL",
  memo: { fields: Object.fromEntries(Object.entries(start.memo).map(([name, value]) => [name, toPayload(value)])) },
  header: {},
  userMetadata: {
    summary: toPayload(start.summary),
    ...(start.details === undefined ? {} : { details: toPayload(start.details) }),
  },
});

import { firstOf, fromPayload, type HttpEvent, type HttpFailure, type HttpHistory } from "./http-messages.ts";
import { TemporalError, type WorkflowFailure } from "./problem.ts";

/** Reads the page of a history with its last event, and waits for it if the execution is open. */
export type ReadEnd = (runId: string | undefined, page: string | undefined) => Promise<HttpHistory>;

const failed = (message: string, failure: WorkflowFailure): TemporalError =>
  new TemporalError(message, { kind: "failed", failure });

function failureOf({ message = "", ...info }: HttpFailure): WorkflowFailure {
  const { applicationFailureInfo: application, timeoutFailureInfo, terminatedFailureInfo } = info;
  if (application) {
    const details = (application.details?.payloads ?? []).map(fromPayload);
    return { kind: "application", message, type: application.type, details };
  }
  if (timeoutFailureInfo) return { kind: "timed-out", message };
  return { kind: terminatedFailureInfo ? "terminated" : "other", message };
}

/** The execution that continues an ended one; undefined if it is the last one. */
const successorOf = (event: HttpEvent): string | undefined =>
  (
    event.workflowExecutionCompletedEventAttributes ??
    event.workflowExecutionFailedEventAttributes ??
    event.workflowExecutionTimedOutEventAttributes ??
    event.workflowExecutionContinuedAsNewEventAttributes
  )?.newExecutionRunId || undefined;

/** The result in the last event of an execution. */
function resultIn(event: HttpEvent): unknown {
  const {
    workflowExecutionCompletedEventAttributes: completed,
    workflowExecutionFailedEventAttributes: failure,
    workflowExecutionTerminatedEventAttributes: terminated,
    workflowExecutionTimedOutEventAttributes: timedOut,
  } = event;
  if (completed) return firstOf(completed.result);
  if (failure) throw failed("Workflow execution failed", failureOf(failure.failure ?? {}));
  if (terminated) {
    const message = terminated.reason || "Workflow execution terminated";
    throw failed(message, { kind: "terminated", message });
  }
  if (timedOut) throw failed("Workflow execution timed out", { kind: "timed-out", message: "" });
  throw failed("Workflow execution cancelled", { kind: "other", message: "Workflow canceled" });
}

/** Waits for the result of a chain of executions, from one of them on, as the SDK does. */
export async function awaitEnd(read: ReadEnd, from: string | undefined): Promise<unknown> {
  let runId = from;
  let page: string | undefined;
  for (;;) {
    const { history, nextPageToken } = await read(runId, page);
    const end = history?.events?.[0];
    // The server answers without an event if the execution does not end for a while.
    page = end ? undefined : nextPageToken;
    if (!end) continue;
    const next = successorOf(end);
    if (next === undefined) return resultIn(end);
    runId = next;
  }
}

/**
 * Temporal's messages as its HTTP API writes them: protobuf's JSON, in which bytes are base64, long integers are
 * strings, and empty fields are left out.
 *
 * @module
 */
import type { WorkflowExecutionStatusName } from "@temporalio/client";
import type { RunInfo } from "./run-service.ts";

/** A value with its encoding. */
export interface HttpPayload {
  readonly metadata?: { readonly encoding?: string };
  readonly data?: string;
}

export interface HttpPayloads {
  readonly payloads?: readonly HttpPayload[];
}

export interface HttpExecutionInfo {
  readonly execution?: { readonly workflowId?: string; readonly runId?: string };
  readonly type?: { readonly name?: string };
  readonly taskQueue?: string;
  readonly status?: string;
  readonly startTime?: string;
  readonly closeTime?: string;
  readonly memo?: { readonly fields?: Readonly<Record<string, HttpPayload>> };
  readonly searchAttributes?: { readonly indexedFields?: Readonly<Record<string, HttpPayload>> };
  readonly firstRunId?: string;
}

export interface HttpDescription {
  readonly workflowExecutionInfo?: HttpExecutionInfo;
  readonly pendingActivities?: readonly {
    readonly activityType?: { readonly name?: string };
    readonly activityOptions?: { readonly taskQueue?: { readonly name?: string } };
    readonly lastStartedTime?: string;
    readonly heartbeatDetails?: HttpPayloads;
  }[];
  readonly workflowExtendedInfo?: { readonly requestIdInfos?: Readonly<Record<string, unknown>> };
}

/** How an execution ended. */
export interface HttpFailure {
  readonly message?: string;
  readonly applicationFailureInfo?: { readonly type?: string; readonly details?: HttpPayloads };
  readonly timeoutFailureInfo?: unknown;
  readonly terminatedFailureInfo?: unknown;
}

interface Successor {
  /** The execution that continues this one. */
  readonly newExecutionRunId?: string;
}

export interface HttpEvent {
  readonly eventId?: string;
  readonly eventTime?: string;
  readonly workflowExecutionStartedEventAttributes?: { readonly input?: HttpPayloads };
  readonly activityTaskScheduledEventAttributes?: { readonly activityType?: { readonly name?: string } };
  readonly activityTaskCompletedEventAttributes?: {
    readonly scheduledEventId?: string;
    readonly result?: HttpPayloads;
  };
  readonly workflowExecutionCompletedEventAttributes?: Successor & { readonly result?: HttpPayloads };
  readonly workflowExecutionFailedEventAttributes?: Successor & { readonly failure?: HttpFailure };
  readonly workflowExecutionCanceledEventAttributes?: object;
  readonly workflowExecutionTerminatedEventAttributes?: { readonly reason?: string };
  readonly workflowExecutionTimedOutEventAttributes?: Successor;
  readonly workflowExecutionContinuedAsNewEventAttributes?: Successor;
}

export interface HttpHistory {
  readonly history?: { readonly events?: readonly HttpEvent[] };
  readonly nextPageToken?: string;
}

const base64 = (text: string): string => Buffer.from(text).toString("base64");
const encodings = { json: base64("json/plain"), null: base64("binary/null"), binary: base64("binary/plain") };

/** Encodes a value as the SDK's default converter does. */
export const toPayload = (value: unknown): HttpPayload =>
  value === undefined
    ? { metadata: { encoding: encodings.null } }
    : { metadata: { encoding: encodings.json }, data: base64(JSON.stringify(value)) };

/** Decodes a value as the SDK's default converter does; null if it cannot. */
export function fromPayload({ metadata, data = "" }: HttpPayload): unknown {
  switch (metadata?.encoding) {
    case encodings.null:
      return undefined;
    case encodings.binary:
      return new Uint8Array(Buffer.from(data, "base64"));
    case encodings.json:
      try {
        return JSON.parse(Buffer.from(data, "base64").toString("utf8"));
      } catch {
        return null;
      }
    default:
      return null;
  }
}

/** The first of several values; undefined if there is none. */
export function firstOf(payloads: HttpPayloads | undefined): unknown {
  const [first] = payloads?.payloads ?? [];
  return first && fromPayload(first);
}

const valuesOf = <Value>(
  fields: Readonly<Record<string, HttpPayload>> | undefined,
  of: (value: unknown) => Value,
): Record<string, Value> =>
  Object.fromEntries(Object.entries(fields ?? {}).map(([name, payload]) => [name, of(fromPayload(payload))]));

export const dateOf = (time: string | undefined): Date | undefined => (time === undefined ? undefined : new Date(time));

/** The SDK's name of a status. */
const statusOf = (status: string | undefined): WorkflowExecutionStatusName =>
  (status ?? "UNSPECIFIED")
    .replace("WORKFLOW_EXECUTION_STATUS_", "")
    .replace("CANCELED", "CANCELLED") as WorkflowExecutionStatusName;

export const infoOf = (info: HttpExecutionInfo): RunInfo => ({
  workflowId: info.execution?.workflowId ?? "",
  runId: info.execution?.runId ?? "",
  type: info.type?.name ?? "",
  taskQueue: info.taskQueue ?? "",
  status: statusOf(info.status),
  startTime: new Date(info.startTime ?? 0),
  closeTime: dateOf(info.closeTime),
  memo: valuesOf(info.memo?.fields, (value) => value),
  searchAttributes: valuesOf(info.searchAttributes?.indexedFields, (value) => (Array.isArray(value) ? value : [value])),
});

/**
 * Trace context of a run: W3C's `traceparent`, carried in Temporal's headers in the same way as Temporal's SDKs do. The
 * ids of a run's span derive from the run id, so that the workflow stays deterministic.
 *
 * @module
 */

/** The name of the header. Temporal's tracing interceptors in all languages use it. */
export const traceHeader = "_tracer-data";

/** The content of the header: W3C's headers by name. */
export interface TraceCarrier {
  readonly traceparent: string;
  readonly tracestate?: string;
}

/** A reference to a span of another process. */
export interface SpanReference {
  /** 32 hexadecimal digits. */
  readonly traceId: string;
  /** 16 hexadecimal digits. */
  readonly spanId: string;
  /** 1 where the trace is recorded. */
  readonly traceFlags: number;
}

/** Reads the span of a carrier, which is not validated; undefined if it has no valid `traceparent`. */
export function spanOf(carrier: unknown): SpanReference | undefined {
  const { traceparent }: { traceparent?: unknown } = typeof carrier === "object" && carrier !== null ? carrier : {};
  const [, traceId, spanId, flags] =
    /^[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(?:-|$)/.exec(
      typeof traceparent === "string" ? traceparent : "",
    ) ?? [];
  if (traceId === undefined || spanId === undefined || /^0+$/.test(traceId) || /^0+$/.test(spanId)) return undefined;
  return { traceId, spanId, traceFlags: Number.parseInt(flags ?? "0", 16) };
}

/** Makes the carrier that refers to a span. */
export const carrierOf = ({ traceId, spanId, traceFlags }: SpanReference): TraceCarrier => ({
  traceparent: `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, "0")}`,
});

/** The ids of a run's span in a new trace: the trace id is the run id (a UUID), the span id is its second half. */
export function idsOfRun(runId: string): { traceId: string; spanId: string } {
  const traceId = runId.replaceAll("-", "").toLowerCase();
  return { traceId, spanId: traceId.slice(16) };
}

/** The text fields of a carrier, which is not validated. Other fields are dropped, because W3C's headers are text. */
export const textOf = (carrier: unknown): Readonly<Record<string, string>> =>
  Object.fromEntries(
    Object.entries(typeof carrier === "object" && carrier !== null ? carrier : {}).filter(
      (entry): entry is [string, string] => typeof entry[1] === "string",
    ),
  );

/**
 * The carrier for activities and children of a workflow: same trace, with the workflow's span as the parent. Undefined
 * without a trace.
 */
export function carrierWithin(carrier: unknown, runId: string): TraceCarrier | undefined {
  const parent = spanOf(carrier);
  return parent && { ...textOf(carrier), ...carrierOf({ ...parent, spanId: idsOfRun(runId).spanId }) };
}

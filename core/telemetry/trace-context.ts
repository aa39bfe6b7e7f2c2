/**
 * Where a run is in a trace: W3C's `traceparent`, carried in Temporal's headers as Temporal's own SDKs do it. A span of a
 * run has ids that derive from the run's id, so that a workflow needs neither a clock nor chance to name it.
 *
 * @module
 */

/** The header, and the type of its content: the name by which Temporal's tracing interceptors of all languages know it. */
export const traceHeader = "_tracer-data";

/** What the header holds: W3C's headers by name. */
export interface TraceCarrier {
  readonly traceparent: string;
  readonly tracestate?: string;
}

/** A span as another process names it. */
export interface SpanReference {
  /** 32 hexadecimal digits. */
  readonly traceId: string;
  /** 16 hexadecimal digits. */
  readonly spanId: string;
  /** 1 where the trace is recorded. */
  readonly traceFlags: number;
}

/** Reads a carrier, whatever came; undefined where it names no span. */
export function spanOf(carrier: unknown): SpanReference | undefined {
  const { traceparent }: { traceparent?: unknown } = typeof carrier === "object" && carrier !== null ? carrier : {};
  const [, traceId, spanId, flags] =
    /^[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(?:-|$)/.exec(
      typeof traceparent === "string" ? traceparent : "",
    ) ?? [];
  if (traceId === undefined || spanId === undefined || /^0+$/.test(traceId) || /^0+$/.test(spanId)) return undefined;
  return { traceId, spanId, traceFlags: Number.parseInt(flags ?? "0", 16) };
}

/** Names a span for another process. */
export const carrierOf = ({ traceId, spanId, traceFlags }: SpanReference): TraceCarrier => ({
  traceparent: `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, "0")}`,
});

/** The ids of a run's own span, in a trace of its own: the run's id, which is a UUID, and the second half of it. */
export function idsOfRun(runId: string): { traceId: string; spanId: string } {
  const traceId = runId.replaceAll("-", "").toLowerCase();
  return { traceId, spanId: traceId.slice(16) };
}

/** What of a carrier is passed on, whatever came: W3C's headers are text. */
export const textOf = (carrier: unknown): Readonly<Record<string, string>> =>
  Object.fromEntries(
    Object.entries(typeof carrier === "object" && carrier !== null ? carrier : {}).filter(
      (entry): entry is [string, string] => typeof entry[1] === "string",
    ),
  );

/** How a carrier goes on from a workflow: what the workflow calls for is done within its own span. */
export function carrierWithin(carrier: unknown, runId: string): TraceCarrier | undefined {
  const parent = spanOf(carrier);
  return parent && { ...textOf(carrier), ...carrierOf({ ...parent, spanId: idsOfRun(runId).spanId }) };
}

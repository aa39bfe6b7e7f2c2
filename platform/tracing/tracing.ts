import type { SpanReference } from "#core/telemetry/trace-context";

/** Attributes of a span. */
export type SpanAttributes = Readonly<Record<string, string | number>>;

/** Records spans and sends them to a collector. */
export interface Tracing {
  /** Starts a workflow within a span, whose reference is passed on. */
  readonly client: <T>(
    name: string,
    attributes: SpanAttributes,
    start: (span: SpanReference) => Promise<T>,
  ) => Promise<T>;
  /**
   * Runs an activity within a child span of its workflow's, which the carrier or, without one, the run's id identifies.
   */
  readonly activity: <T>(
    name: string,
    run: { readonly runId: string; readonly carrier: unknown },
    attributes: SpanAttributes,
    work: () => Promise<T>,
  ) => Promise<T>;
  /** Records the span of a workflow that has ended. */
  readonly workflow: (
    name: string,
    run: { readonly runId: string; readonly carrier: unknown },
    attributes: SpanAttributes,
    times: { readonly from: Date; readonly to: Date; readonly error: string | null },
  ) => void;
  /** Sends the remaining spans, for 2 s at most. */
  readonly close: () => Promise<void>;
}

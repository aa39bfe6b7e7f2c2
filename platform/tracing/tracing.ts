import type { SpanReference } from "#core/telemetry/trace-context";

/** What a span says beside its name. */
export type SpanAttributes = Readonly<Record<string, string | number>>;

/** Records spans, and sends them to a collector. */
export interface Tracing {
  /** Starts a workflow within a span, which goes with it. */
  readonly client: <T>(
    name: string,
    attributes: SpanAttributes,
    start: (span: SpanReference) => Promise<T>,
  ) => Promise<T>;
  /** Runs an activity within a span below its workflow's, which the carrier names or, without, the run's id. */
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
  /** Sends what is left, for 2 s at most. */
  readonly close: () => Promise<void>;
}

/**
 * Tracing with OpenTelemetry's own libraries. Loaded only if it is enabled.
 *
 * @module
 */

import { setTimeout as wait } from "node:timers/promises";
import { DiagLogLevel, diag, ROOT_CONTEXT, type Span, SpanKind, SpanStatusCode, trace } from "@opentelemetry/api";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-proto";
import { defaultResource, detectResources, envDetector, resourceFromAttributes } from "@opentelemetry/resources";
import { BasicTracerProvider, BatchSpanProcessor, RandomIdGenerator } from "@opentelemetry/sdk-trace-base";
import { CancelledFailure } from "@temporalio/common";
import { idsOfRun, type SpanReference, spanOf } from "#core/telemetry/trace-context";
import { messageOf } from "#core/text/message-of";
import type { Tracing } from "./tracing.ts";

/**
 * How long the end of a process may wait for a collector, in milliseconds. A user may be waiting for the command to
 * return.
 */
const closeMilliseconds = 2000;

const within = (parent: SpanReference) => trace.setSpanContext(ROOT_CONTEXT, { ...parent, isRemote: true });

async function ending<T>(span: Span, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    // A cancellation is not an error.
    if (error instanceof CancelledFailure) span.setAttribute("kgents.status", "cancelled");
    else span.setStatus({ code: SpanStatusCode.ERROR, message: String(error) });
    throw error;
  } finally {
    span.end();
  }
}

const nothing = (): void => {};

/** Reports the warnings and errors of the tracing libraries. */
function reportTrouble(onTrouble: (line: string) => void): void {
  const onError = (message: string): void => onTrouble(`traces: ${message}`);
  diag.setLogger(
    { error: onError, warn: onError, info: nothing, debug: nothing, verbose: nothing },
    { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true },
  );
}

/** Sends the last spans, for as long as the end of a process may wait for that. */
async function shutDown(provider: BasicTracerProvider, onTrouble: (line: string) => void): Promise<void> {
  const timer = new AbortController();
  const late = wait(closeMilliseconds, undefined, { signal: timer.signal, ref: false }).then(
    () => onTrouble("traces: the collector did not take the last spans in time"),
    nothing,
  );
  await Promise.race([provider.shutdown().catch((error) => onTrouble(`traces: ${messageOf(error)}`)), late]);
  timer.abort();
}

/** Sets up spans and their export. The standard variables configure sampling, batches, endpoint and headers. */
export function startTracing(service: string, onTrouble: (line: string) => void): Tracing {
  reportTrouble(onTrouble);
  const random = new RandomIdGenerator();
  let given: Partial<Pick<SpanReference, "traceId" | "spanId">> = {};
  const provider = new BasicTracerProvider({
    resource: defaultResource()
      .merge(resourceFromAttributes({ "service.name": service }))
      .merge(detectResources({ detectors: [envDetector] })),
    idGenerator: {
      generateTraceId: () => given.traceId ?? random.generateTraceId(),
      generateSpanId: () => given.spanId ?? random.generateSpanId(),
    },
    spanProcessors: [new BatchSpanProcessor(new OTLPTraceExporter())],
  });
  const tracer = provider.getTracer("kgents");

  /** The span of a run: a child of the carrier's span, or the root span of a new trace. */
  const runSpan = (name: string, { runId, carrier }: { runId: string; carrier: unknown }, startTime?: Date): Span => {
    const parent = spanOf(carrier);
    given = idsOfRun(runId);
    try {
      const options = { kind: SpanKind.SERVER, ...(startTime && { startTime }) };
      return tracer.startSpan(name, options, parent ? within(parent) : ROOT_CONTEXT);
    } finally {
      given = {};
    }
  };

  return {
    client: (name, attributes, start) => {
      const span = tracer.startSpan(name, { kind: SpanKind.CLIENT, attributes });
      return ending(span, () => start(span.spanContext()));
    },
    activity: (name, run, attributes, work) => {
      // A run without a trace context has a trace of its own. Its root span is recorded elsewhere; here it only decides
      // the sampling.
      const parent = spanOf(run.carrier) ?? runSpan(name, run).spanContext();
      return ending(tracer.startSpan(name, { kind: SpanKind.SERVER, attributes }, within(parent)), work);
    },
    workflow: (name, run, attributes, { from, to, error }) => {
      const span = runSpan(name, run, from).setAttributes({ ...attributes });
      if (error !== null) span.setStatus({ code: SpanStatusCode.ERROR, message: error });
      span.end(to);
    },
    close: () => shutDown(provider, onTrouble),
  };
}

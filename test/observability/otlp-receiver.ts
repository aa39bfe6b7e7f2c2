/** The OpenTelemetry collector's OTLP receiver, as a process beside the tests. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { expect } from "vitest";
import { freePort } from "../support/dev-server.ts";
import { buildTools } from "./tools.ts";

/** A span as it was received. */
export interface ReceivedSpan {
  readonly service: string;
  readonly name: string;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string | undefined;
  readonly kind: number;
  /** In nanoseconds since the epoch. */
  readonly from: bigint;
  readonly to: bigint;
  /** 2: an error. */
  readonly status: number | undefined;
  readonly attributes: Readonly<Record<string, string>>;
}

/** A receiver listening on this machine. */
export interface OtlpReceiver extends AsyncDisposable {
  /** Makes a process send its spans here, with a short delay. */
  readonly environment: NodeJS.ProcessEnv;
  /** The spans received up to now. */
  readonly spans: () => readonly ReceivedSpan[];
}

/** The only span of a name. */
export function named(spans: readonly ReceivedSpan[], name: string): ReceivedSpan {
  const found = spans.filter((span) => span.name === name);
  expect(found, name).toHaveLength(1);
  return found[0] as ReceivedSpan;
}

type Attributes = { key: string; value: Record<string, unknown> }[];

const read = (attributes: Attributes = []): Record<string, string> =>
  Object.fromEntries(attributes.map(({ key, value }) => [key, String(Object.values(value)[0])]));

function spansOf(line: string): ReceivedSpan[] {
  const { resourceSpans } = JSON.parse(line);
  // biome-ignore lint/suspicious/noExplicitAny: OTLP's JSON
  return resourceSpans.flatMap(({ resource, scopeSpans }: any) =>
    // biome-ignore lint/suspicious/noExplicitAny: OTLP's JSON
    scopeSpans.flatMap(({ spans }: any) =>
      // biome-ignore lint/suspicious/noExplicitAny: OTLP's JSON
      spans.map((span: any) => ({
        service: read(resource.attributes)["service.name"],
        name: span.name,
        traceId: span.traceId,
        spanId: span.spanId,
        kind: span.kind,
        parentSpanId: span.parentSpanId || undefined,
        from: BigInt(span.startTimeUnixNano),
        to: BigInt(span.endTimeUnixNano),
        status: span.status.code,
        attributes: read(span.attributes),
      })),
    ),
  );
}

/** Starts a receiver. */
export async function startOtlpReceiver(): Promise<OtlpReceiver> {
  const address = `127.0.0.1:${await freePort()}`;
  const child = spawn(await buildTools(), ["receive", address], { stdio: ["ignore", "pipe", "inherit"] });
  const received: ReceivedSpan[] = [];
  const exited = once(child, "exit");
  const lines = createInterface({ input: child.stdout });
  const [first] = await Promise.race([once(lines, "line"), exited]);
  if (first !== "ready") throw new Error(`the receiver ended with ${first}`);
  lines.on("line", (line) => received.push(...spansOf(line)));
  return {
    environment: { OTEL_EXPORTER_OTLP_ENDPOINT: `http://${address}`, OTEL_BSP_SCHEDULE_DELAY: "100" },
    spans: () => received,
    [Symbol.asyncDispose]: async () => {
      child.kill("SIGTERM");
      await exited;
    },
  };
}

import { KgentsError } from "#core/contract/error";
import type { Tracing } from "./tracing.ts";

const said = (environment: NodeJS.ProcessEnv, name: string): string | undefined => environment[name] || undefined;

function refuse(name: string, got: string, allowed: string): never {
  throw new KgentsError("invalid-configuration", `${name}: got ${got}; allowed is ${allowed}`, { field: name });
}

/**
 * Whether OpenTelemetry's standard variables enable traces: by an endpoint, or by the exporter `otlp`.
 *
 * @throws KgentsError `invalid-configuration` for an exporter or a protocol that kgents does not support
 */
export function isTracingOn(environment: NodeJS.ProcessEnv): boolean {
  if (environment.OTEL_SDK_DISABLED?.toLowerCase() === "true") return false;
  const exporter = said(environment, "OTEL_TRACES_EXPORTER");
  if (exporter === "none") return false;
  if (exporter !== undefined && exporter !== "otlp") refuse("OTEL_TRACES_EXPORTER", exporter, "otlp or none");
  const endpoints = ["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"];
  if (exporter === undefined && endpoints.every((name) => said(environment, name) === undefined)) return false;
  const names = ["OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"];
  const name = names.find((name) => said(environment, name) !== undefined);
  const protocol = name && said(environment, name);
  if (name && protocol && protocol !== "http/protobuf") refuse(name, protocol, "http/protobuf");
  return true;
}

/**
 * Sets up tracing if the standard variables enable it; otherwise no OpenTelemetry code is loaded.
 *
 * @param service the service name if `OTEL_SERVICE_NAME` is not set
 * @param onTrouble called when spans cannot be sent
 * @throws KgentsError `invalid-configuration`
 */
export async function openTracing(
  service: string,
  onTrouble: (line: string) => void,
  environment: NodeJS.ProcessEnv = process.env,
): Promise<Tracing | undefined> {
  if (!isTracingOn(environment)) return undefined;
  const { startTracing } = await import("./start-tracing.ts");
  return startTracing(service, onTrouble);
}

import type { Configuration } from "#core/configuration/configuration";
import type { ExecutionRequest } from "#core/contract/request";

/** The request with the configuration's defaults for the fields that it leaves out. */
export function applyDefaults(configuration: Configuration, request: ExecutionRequest): ExecutionRequest {
  const given = Object.entries(request).filter(([, value]) => value !== undefined);
  return { ...configuration.defaults, ...Object.fromEntries(given) };
}

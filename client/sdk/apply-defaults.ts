import type { Configuration } from "#core/configuration/configuration";
import type { ExecutionRequest } from "#core/contract/request";

/** The configuration's defaults, under what the request says. */
export function applyDefaults(configuration: Configuration, request: ExecutionRequest): ExecutionRequest {
  const given = Object.entries(request).filter(([, value]) => value !== undefined);
  return { ...configuration.defaults, ...Object.fromEntries(given) };
}

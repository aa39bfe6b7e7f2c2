import { KgentsError } from "#core/contract/error";
import type { ExecutionRequest } from "#core/contract/request";
import { loadConfiguration } from "#platform/host/configuration-file";
import { applyDefaults } from "./apply-defaults.ts";
import type { Mode } from "./quartermaster-options.ts";

/**
 * Returns a function that applies the configuration's defaults and the mode to a request.
 *
 * @throws KgentsError `invalid-request` in mode `dry-run`; `invalid-configuration`
 */
export async function requestCompletion(
  mode: Mode,
  configurationFile: string | undefined,
): Promise<(request: ExecutionRequest) => ExecutionRequest> {
  if (mode === "dry-run") {
    throw new KgentsError("invalid-request", "mode: dry-run starts nothing; allowed is execute()", { field: "mode" });
  }
  const { configuration } = await loadConfiguration({ path: configurationFile });
  return (request) => {
    const withDefaults = applyDefaults(configuration, request);
    return mode === "auto" ? withDefaults : { ...withDefaults, backend: mode };
  };
}

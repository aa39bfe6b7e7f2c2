import type { Configuration } from "#core/configuration/configuration";
import { KgentsError } from "#core/contract/error";
import type { ExecutionRequest } from "#core/contract/request";
import { type SessionRequest, sessionSchema } from "#core/contract/session/session";
import { loadConfiguration } from "#platform/host/configuration-file";
import { applyDefaults } from "./apply-defaults.ts";
import type { Mode } from "./quartermaster-options.ts";

/** @throws KgentsError `invalid-request` in mode `dry-run`; `invalid-configuration` */
async function startable(
  mode: Mode,
  configurationFile: string | undefined,
): Promise<{ configuration: Configuration; backend: Exclude<Mode, "dry-run"> }> {
  if (mode === "dry-run") {
    throw new KgentsError("invalid-request", "mode: dry-run starts nothing; allowed is execute()", { field: "mode" });
  }
  const { configuration } = await loadConfiguration({ path: configurationFile });
  return { configuration, backend: mode };
}

/**
 * Returns a function that applies the configuration's defaults and the mode to a session.
 *
 * @throws KgentsError `invalid-request` in mode `dry-run`; `invalid-configuration`
 */
export async function sessionCompletion(
  mode: Mode,
  configurationFile: string | undefined,
): Promise<(session: SessionRequest) => SessionRequest> {
  const { configuration, backend } = await startable(mode, configurationFile);
  const common = Object.entries(configuration.defaults).filter(([name]) => Object.hasOwn(sessionSchema.shape, name));
  return (session) => {
    const given = Object.entries(session).filter(([, value]) => value !== undefined);
    const withDefaults: SessionRequest = { ...Object.fromEntries(common), ...Object.fromEntries(given) };
    return backend === "auto" ? withDefaults : { ...withDefaults, backend };
  };
}

/**
 * Returns a function that applies the configuration's defaults and the mode to a request.
 *
 * @throws KgentsError `invalid-request` in mode `dry-run`; `invalid-configuration`
 */
export async function requestCompletion(
  mode: Mode,
  configurationFile: string | undefined,
): Promise<(request: ExecutionRequest) => ExecutionRequest> {
  const { configuration, backend } = await startable(mode, configurationFile);
  return (request) => {
    const withDefaults = applyDefaults(configuration, request);
    return backend === "auto" ? withDefaults : { ...withDefaults, backend };
  };
}

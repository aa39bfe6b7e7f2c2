import { loadClientConnectConfig } from "@temporalio/envconfig";
import { KgentsError } from "#core/contract/error";
import { messageOf } from "#core/text/message-of";
import { errorCode } from "../host/error-code.ts";

/** The settings of a Temporal connection from the standard variables and profiles. */
export type TemporalConfiguration = ReturnType<typeof loadClientConnectConfig>;

/**
 * Reads the standard variables and profiles: `TEMPORAL_ADDRESS`, `TEMPORAL_TLS_*`, `TEMPORAL_PROFILE` and similar. An
 * empty variable counts as unset.
 *
 * @throws KgentsError `invalid-configuration` if they are invalid or name a file that cannot be read
 */
export function loadTemporalConfiguration(environment: NodeJS.ProcessEnv = process.env): TemporalConfiguration {
  const variables = Object.entries(environment).flatMap(([name, value]) => (value ? [[name, value]] : []));
  const overrideEnvVars = Object.fromEntries(variables);
  try {
    return loadClientConnectConfig({ overrideEnvVars });
  } catch (error) {
    // A HOME that is not a directory, as for service accounts, has no profiles.
    if (errorCode(error) === "ENOTDIR" && overrideEnvVars.TEMPORAL_CONFIG_FILE === undefined)
      return loadClientConnectConfig({ overrideEnvVars, disableFile: true });
    const why = messageOf(error);
    throw new KgentsError("invalid-configuration", `the configuration of Temporal cannot be used: ${why}`, {
      cause: error,
      remedy: "Look at TEMPORAL_PROFILE, TEMPORAL_CONFIG_FILE and the TEMPORAL_TLS_* variables.",
    });
  }
}

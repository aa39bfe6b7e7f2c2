import { networkNames, programEnvironment } from "#platform/host/program-environment";
import { type ProgramEnd, runProgram } from "#platform/host/run-program";

/**
 * How long an installer may run, in milliseconds: enough for a gibibyte over a slow connection.
 */
export const installMilliseconds = 600_000;

/** Variables that tell installers where the index is and how to sign in there, beside those for every program. */
const installerNames = {
  uv: [
    ...["UV_DEFAULT_INDEX", "UV_INDEX*", "UV_EXTRA_INDEX_URL", "UV_FIND_LINKS", "UV_KEYRING_PROVIDER"],
    ...["UV_NATIVE_TLS", "UV_SYSTEM_CERTS", "UV_INSECURE_HOST", "UV_HTTP_TIMEOUT", "NETRC"],
  ],
  npm: ["NPM_CONFIG_*", "npm_config_*", "NODE_EXTRA_CA_CERTS", "NPM_TOKEN"],
} as const;

/** How to run an installer. */
export interface InstallerRun {
  readonly kind: keyof typeof installerNames;
  readonly program: string;
  readonly args: readonly string[];
  readonly input?: string | undefined;
  /** Further variables, which override those of the worker. */
  readonly variables?: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
}

/**
 * Runs an installer with the worker's access to the index.
 *
 * @throws Error if it cannot be started or takes too long; the signal's reason if that aborts
 */
export async function runInstaller(run: InstallerRun): Promise<ProgramEnd> {
  const names = [...installerNames[run.kind], ...networkNames];
  return runProgram(run.program, run.args, {
    environment: { ...(await programEnvironment(process.env, names)), ...run.variables },
    input: run.input,
    signal: run.signal,
    timeoutMilliseconds: installMilliseconds,
    outputBytes: 16 * 1024 * 1024,
    ownGroup: true,
  });
}

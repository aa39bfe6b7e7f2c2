/**
 * Selects the environment variables for the background processes. These also serve all later commands, so they must not
 * get variables of one command only (tokens, variables of a build, a CI job or npm).
 *
 * @module
 */
import { delimiter } from "node:path";
import { absolutePaths } from "#platform/host/program-environment";

/** Variable names, each with its reason. */
const names: Readonly<Record<string, string>> = {
  PATH: "interpreters and tools are found there",
  HOME: "where the user's files are",
  USER: "some interpreters ask for it",
  LOGNAME: "likewise",
  SHELL: "kubectl's credential plugins may be shell scripts",
  LANG: "the encoding of file names and messages",
  TZ: "the times in logs",
  TMPDIR: "where temporary files may be written",
  KUBECONFIG: "the cluster",
  KUBERNETES_SERVICE_HOST: "the cluster, from inside it",
  KUBERNETES_SERVICE_PORT: "likewise",
  XDG_CACHE_HOME: "where our own directories are",
  XDG_STATE_HOME: "likewise",
  XDG_CONFIG_HOME: "likewise, and Temporal's profiles",
  XDG_RUNTIME_DIR: "systemd's socket for the user, through which cgroups are made",
  DBUS_SESSION_BUS_ADDRESS: "likewise",
  NODE_EXTRA_CA_CERTS: "certificates of the site",
  SSL_CERT_FILE: "likewise",
  SSL_CERT_DIR: "likewise",
  REQUESTS_CA_BUNDLE: "likewise, for pip",
  HTTP_PROXY: "the way out of the site",
  HTTPS_PROXY: "likewise",
  NO_PROXY: "likewise",
  ALL_PROXY: "likewise",
  NODE_USE_ENV_PROXY: "whether Node uses it",
};

/** Prefixes of variable names, each with its reason. */
const prefixes: Readonly<Record<string, string>> = {
  LC_: "the parts of the locale",
  TEMPORAL_: "the connection",
  OTEL_: "where traces go",
  PIP_: "where packages come from at this site",
};

/** The variables for the server, which only opens its own files. */
const serverNames = ["HOME", "LANG", "TMPDIR", "TZ", "USER"];

/** Variables that hold paths. Relative ones are made absolute, because background processes start in `/`. */
const paths = [
  ...["KUBECONFIG", "SSL_CERT_FILE", "SSL_CERT_DIR", "NODE_EXTRA_CA_CERTS", "REQUESTS_CA_BUNDLE", "TMPDIR"],
  ...["TEMPORAL_CONFIG_FILE", "TEMPORAL_TLS_CLIENT_CERT_PATH", "TEMPORAL_TLS_CLIENT_KEY_PATH"],
  ...["TEMPORAL_TLS_SERVER_CA_CERT_PATH", "AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE", "AWS_CA_BUNDLE"],
  "AWS_WEB_IDENTITY_TOKEN_FILE",
];

/** The environment of the Temporal server. */
export const serverEnvironment = (environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv => ({
  // The server reads its user's name, and fails to start if neither an account nor a variable provides one, as in a
  // container with an arbitrary user id.
  USER: String(process.getuid?.() ?? "kgents"),
  ...Object.fromEntries(Object.entries(environment).filter(([name]) => serverNames.includes(name))),
});

/** Prefix of the AWS SDK's variables. They hold secrets, so only workers with a bucket get them. */
const bucketPrefix = "AWS_";

/**
 * The environment of the worker. It excludes kgents' own variables: the worker gets its configuration as a file, and
 * the others (`KGENTS_MCP_TOKEN` above all) are for the present command only.
 */
export function workerEnvironment(
  environment: NodeJS.ProcessEnv,
  { usesBucket = false }: { usesBucket?: boolean } = {},
): NodeJS.ProcessEnv {
  const wanted = ([name, value]: [string, string | undefined]): boolean =>
    value !== undefined &&
    // Proxy variables also exist in lower case.
    ((usesBucket && name.startsWith(bucketPrefix)) ||
      Object.hasOwn(names, name.toUpperCase()) ||
      Object.keys(prefixes).some((prefix) => name.startsWith(prefix)));
  const kept = Object.fromEntries(
    Object.entries(environment)
      .filter(wanted)
      .map(([name, value = ""]) => [name, paths.includes(name) ? absolutePaths(value) : value]),
  );
  return kept.PATH === undefined ? kept : { ...kept, PATH: lastingPath(kept.PATH) };
}

/** PATH without the entries that npm and npx add for one command. */
export const lastingPath = (path: string): string =>
  path
    .split(delimiter)
    .filter((entry) => !/\/node_modules\/\.bin\/?$|\/node-gyp-bin\/?$|\/_npx\//.test(entry))
    .join(delimiter);

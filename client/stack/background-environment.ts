/**
 * What of the environment the background processes get: they serve every later command too, so nothing that belongs to
 * this one alone (tokens, the variables of a build, of a CI job, of npm) may live on in them.
 *
 * @module
 */
import { delimiter } from "node:path";
import { absolutePaths } from "#platform/host/program-environment";

/** Each name with its reason. */
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

/** Prefixes of names, each with its reason. */
const prefixes: Readonly<Record<string, string>> = {
  LC_: "the parts of the locale",
  TEMPORAL_: "the connection",
  OTEL_: "where traces go",
  PIP_: "where packages come from at this site",
};

/** What the server needs: it opens its own files, and nothing else. */
const serverNames = ["HOME", "LANG", "TMPDIR", "TZ", "USER"];

/** Those whose values are paths, which a process that starts in `/` would look for elsewhere if they are relative. */
const paths = [
  ...["KUBECONFIG", "SSL_CERT_FILE", "SSL_CERT_DIR", "NODE_EXTRA_CA_CERTS", "REQUESTS_CA_BUNDLE", "TMPDIR"],
  ...["TEMPORAL_CONFIG_FILE", "TEMPORAL_TLS_CLIENT_CERT_PATH", "TEMPORAL_TLS_CLIENT_KEY_PATH"],
  ...["TEMPORAL_TLS_SERVER_CA_CERT_PATH", "AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE", "AWS_CA_BUNDLE"],
  "AWS_WEB_IDENTITY_TOKEN_FILE",
];

/** The part of an environment that the Temporal server gets. */
export const serverEnvironment = (environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv => ({
  // It asks for its user's name, and does not start where neither an account nor a variable has one: as in a container
  // that runs under any id.
  USER: String(process.getuid?.() ?? "kgents"),
  ...Object.fromEntries(Object.entries(environment).filter(([name]) => serverNames.includes(name))),
});

/** How Amazon's SDK enters a bucket: secrets, which only a worker gets that needs them. */
const bucketPrefix = "AWS_";

/**
 * The part of an environment that the worker gets. None of our own variables is in it: the worker gets its configuration as a file, and
 * the rest (`KGENTS_MCP_TOKEN` above all) concerns only the command that was typed.
 */
export function workerEnvironment(
  environment: NodeJS.ProcessEnv,
  { usesBucket = false }: { usesBucket?: boolean } = {},
): NodeJS.ProcessEnv {
  const wanted = ([name, value]: [string, string | undefined]): boolean =>
    value !== undefined &&
    // Proxy variables are written in lower case as well.
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

/** PATH without what npm and npx add for the time of one command. */
export const lastingPath = (path: string): string =>
  path
    .split(delimiter)
    .filter((entry) => !/\/node_modules\/\.bin\/?$|\/node-gyp-bin\/?$|\/_npx\//.test(entry))
    .join(delimiter);

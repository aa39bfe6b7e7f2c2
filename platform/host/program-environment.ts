import { delimiter, resolve } from "node:path";
import { trustedPath } from "./find-program.ts";

/** Variables for every program of the host: locations of the user's files, locale and time zone. */
const common = ["HOME", "LANG", "LC_*", "LOGNAME", "TMPDIR", "TZ", "USER"];

/** Variables for proxies and trusted certificates. */
export const networkNames = [
  ...["HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY"].flatMap((name) => [name, name.toLowerCase()]),
  ...["SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"],
];

const matches = (name: string, wanted: string): boolean =>
  wanted.endsWith("*") ? name.startsWith(wanted.slice(0, -1)) : name === wanted;

/**
 * The environment of a program of the host. It is an allow list, so that no variable that makes a program load code
 * (`NODE_OPTIONS`, `LD_*`, `PYTHON*`, `BASH_ENV`) and no unneeded secret is passed on.
 *
 * @param names further names; a trailing `*` matches by prefix
 */
export async function programEnvironment(
  environment: NodeJS.ProcessEnv,
  names: readonly string[] = [],
): Promise<NodeJS.ProcessEnv> {
  const wanted = [...common, ...names];
  const kept = Object.entries(environment).filter(([name]) => wanted.some((pattern) => matches(name, pattern)));
  return { ...Object.fromEntries(kept), PATH: await trustedPath(environment.PATH ?? "") };
}

/** Makes the paths of a variable absolute, because programs of the host start in `/`. */
export const absolutePaths = (value: string): string =>
  value
    .split(delimiter)
    .map((path) => (path === "" ? path : resolve(path)))
    .join(delimiter);

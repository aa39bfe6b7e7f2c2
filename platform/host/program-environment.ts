import { delimiter, resolve } from "node:path";
import { trustedPath } from "./find-program.ts";

/** What any program of the host may know: where its user's files are, and how it is to write. */
const common = ["HOME", "LANG", "LC_*", "LOGNAME", "TMPDIR", "TZ", "USER"];

/** The way out of a site, and the certificates that it trusts. */
export const networkNames = [
  ...["HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY"].flatMap((name) => [name, name.toLowerCase()]),
  ...["SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"],
];

const matches = (name: string, wanted: string): boolean =>
  wanted.endsWith("*") ? name.startsWith(wanted.slice(0, -1)) : name === wanted;

/**
 * The environment of a program of the host: an allow list, so that nothing that makes a program load code (`NODE_OPTIONS`, `LD_*`,
 * `PYTHON*`, `BASH_ENV`) reaches one, and no secret that it does not need.
 *
 * @param names more names that it needs; with a `*` at the end, what a name begins with
 */
export async function programEnvironment(
  environment: NodeJS.ProcessEnv,
  names: readonly string[] = [],
): Promise<NodeJS.ProcessEnv> {
  const wanted = [...common, ...names];
  const kept = Object.entries(environment).filter(([name]) => wanted.some((pattern) => matches(name, pattern)));
  return { ...Object.fromEntries(kept), PATH: await trustedPath(environment.PATH ?? "") };
}

/** Paths of a variable as they are meant where it was set: programs of the host start in `/`. */
export const absolutePaths = (value: string): string =>
  value
    .split(delimiter)
    .map((path) => (path === "" ? path : resolve(path)))
    .join(delimiter);

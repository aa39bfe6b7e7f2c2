/**
 * The lock of packages of npm: a package-lock.json with what an installation needs, without addresses.
 *
 * @module
 */
import { KgentsError } from "#core/contract/error";
import { isRecord } from "#core/text/is-record";

/** The fields of a package that decide what is installed, and where. */
const kept = [
  ...["name", "version", "integrity", "dependencies", "optionalDependencies", "peerDependencies"],
  ...["peerDependenciesMeta", "bin", "os", "cpu", "libc", "optional", "peer", "dev", "devOptional"],
] as const;

/** Refuses a package that does not come from the registry. */
function checkOrigin(path: string, { resolved, link, integrity, inBundle }: Record<string, unknown>): void {
  // A package that another one contains has no hash of its own.
  if (inBundle === true) return;
  if (resolved === undefined && link === undefined && typeof integrity === "string") return;
  const name = path.slice(path.lastIndexOf("node_modules/") + "node_modules/".length);
  const words = `${name}: it does not come from the registry, or the registry gives no hash for it`;
  throw new KgentsError("package-not-found", words, {
    remedy: "Use packages that depend on packages of the registry only.",
  });
}

/**
 * Makes a lock of the package-lock.json that npm wrote.
 *
 * @throws KgentsError `package-not-found` if a package comes from an address, a repository or a path
 */
export function npmLockOf(packageLock: string): string {
  const { lockfileVersion, packages } = JSON.parse(packageLock) as Record<string, unknown>;
  if (!isRecord(packages)) throw new KgentsError("package-install", "npm wrote no list of packages");
  const entries = Object.entries(packages).map(([path, about]) => {
    const fields = isRecord(about) ? about : {};
    if (path !== "") checkOrigin(path, fields);
    const wanted = [...kept, "inBundle"].filter((field) => fields[field] !== undefined);
    return [path, Object.fromEntries(wanted.map((field) => [field, fields[field]]))] as const;
  });
  return JSON.stringify({
    name: "packages",
    version: "1.0.0",
    lockfileVersion,
    requires: true,
    packages: Object.fromEntries(entries),
  });
}

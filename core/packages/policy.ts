/**
 * The worker's decision whether packages may be installed.
 *
 * @module
 */
import { refuse } from "../contract/refusal.ts";
import type { WantedPackages } from "./environment.ts";
import { parseNpmSpec } from "./npm-spec.ts";
import { normalPythonName, pythonPackageOf } from "./python-requirement.ts";

/** The parts of the worker's settings that decide it. */
export interface PackagePolicy {
  readonly allow: boolean;
  /** Names, or prefixes that end with `*`; undefined allows every name. */
  readonly names?: readonly string[] | undefined;
}

/** Whether a list allows a package. */
function allowsName(names: readonly string[], name: string, ecosystem: WantedPackages["ecosystem"]): boolean {
  const normal = (given: string): string => (ecosystem === "python" ? normalPythonName(given) : given);
  return names.some((entry) =>
    entry.endsWith("*") ? name.startsWith(normal(entry.slice(0, -1))) : normal(entry) === name,
  );
}

const nameOf = (requirement: string, ecosystem: WantedPackages["ecosystem"]): string | undefined =>
  ecosystem === "python" ? pythonPackageOf(requirement) : parseNpmSpec(requirement)?.name;

/**
 * Refuses packages that the worker does not allow. Only what a request names is compared, not what that depends on.
 *
 * @throws KgentsError `policy-violation`, naming the package
 */
export function applyPackagePolicy(wanted: WantedPackages, { allow, names }: PackagePolicy): void {
  const { ecosystem, requirements } = wanted;
  const field = `packages.${ecosystem}`;
  const [first = ""] = requirements;
  if (!allow) throw refuse("policy-violation", field, JSON.stringify(first), "no packages on this worker");
  if (names === undefined) return;
  const other = requirements.find((requirement) => !allowsName(names, nameOf(requirement, ecosystem) ?? "", ecosystem));
  if (other === undefined) return;
  const list = names.length > 0 ? `one of ${names.join(", ")}` : "none";
  throw refuse("policy-violation", field, JSON.stringify(other), `${list} on this worker`);
}

/**
 * The packages that a request asks for: by its field `packages`, and by what the code or a file says itself.
 *
 * @module
 */
import type { Language } from "#core/contract/language";
import { refuse } from "#core/contract/refusal";
import type { ExecutionSpec } from "#core/contract/request";
import { ecosystemOf, type WantedPackages } from "#core/packages/environment";
import { applyPackagePolicy, type PackagePolicy } from "#core/packages/policy";
import type { OpenBlob } from "#platform/store/open-content";
import { inlinePackages } from "./inline-packages.ts";

/** What a request or a session names. */
interface NamedPackages extends Pick<ExecutionSpec, "language"> {
  readonly packages?: Pick<NonNullable<ExecutionSpec["packages"]>, "python" | "npm"> | undefined;
}

/** Refuses packages for a language that has none of the kind. */
function checkLanguage(
  { packages = {}, language }: NamedPackages,
  ecosystem: WantedPackages["ecosystem"] | null,
): void {
  for (const kind of ["python", "npm"] as const) {
    if (kind === ecosystem || !packages[kind]?.length) continue;
    const languages = kind === "python" ? "python" : "javascript or typescript";
    const got = `packages for the language ${language}`;
    throw refuse("invalid-request", `packages.${kind}`, got, `packages for ${languages}`);
  }
}

/** Packages without duplicates, as far as the worker allows them; null if there are none. */
function wantedFrom(
  ecosystem: WantedPackages["ecosystem"],
  named: readonly string[],
  policy: PackagePolicy,
  requiresPython?: string,
): WantedPackages | null {
  const requirements = [...new Set(named.map((requirement) => requirement.trim()))];
  if (requirements.length === 0) return null;
  const wanted = { ecosystem, requirements, ...(requiresPython === undefined ? {} : { requiresPython }) };
  applyPackagePolicy(wanted, policy);
  return wanted;
}

/**
 * The packages that a session names, without duplicates; null if there are none.
 *
 * @throws KgentsError `invalid-request` or `policy-violation`, naming the field
 */
export function namedPackages(named: NamedPackages, language: Language, policy: PackagePolicy): WantedPackages | null {
  const ecosystem = ecosystemOf(language.command);
  checkLanguage(named, ecosystem);
  return ecosystem && wantedFrom(ecosystem, named.packages?.[ecosystem] ?? [], policy);
}

/**
 * The packages that a request asks for, without duplicates; null if there are none.
 *
 * Here rather than in the client, so that the same code gets the same packages from every SDK.
 *
 * @param open opens content in the artifact store. Nothing is opened for a request that names a package which the
 *   worker does not allow
 * @throws KgentsError `invalid-request` or `policy-violation`, naming the field; `artifact-unavailable`
 */
export async function wantedPackages(
  spec: ExecutionSpec,
  language: Language,
  policy: PackagePolicy,
  open: OpenBlob,
): Promise<WantedPackages | null> {
  const ecosystem = ecosystemOf(language.command);
  const named = namedPackages(spec, language, policy);
  if (ecosystem === null || spec.packages?.inline === false) return named;
  const inline = await inlinePackages(spec, ecosystem, open);
  const all = [...(named?.requirements ?? []), ...(inline?.requirements ?? [])];
  return wantedFrom(ecosystem, all, policy, inline?.requiresPython);
}

/**
 * Packages of npm: a name, and a version, a range of versions or a tag. What would take a package from elsewhere than
 * the registry (an address, a repository, a path, an alias) is not accepted.
 *
 * @module
 */
import { maximumRequirementLength } from "./python-requirement.ts";

/** What a package of npm may be, for error messages. */
export const npmRule = `a package of the npm registry, such as "lodash", "zod@^4" or "@types/node@24", without addresses, repositories, paths and aliases, at most ${maximumRequirementLength} characters`;

const word = "[a-z0-9~][a-z0-9._~-]*";
// A version, a range (`^1.2`, `>=1 <2 || 3.x`) or a tag. No `:` and no `/`, which begin an address, a path or an alias.
const range = "[A-Za-z0-9^~<>=*|. +-]+";

/** The form of a package of npm. */
export const npmSpecPattern = new RegExp(`^((?:@${word}/)?${word})(?:@(${range}))?$`);

/** The name and the range of a package of npm; undefined if the text is not one. */
export function parseNpmSpec(spec: string): { readonly name: string; readonly range: string } | undefined {
  if (spec.length > maximumRequirementLength) return undefined;
  const [, name, given = "latest"] = npmSpecPattern.exec(spec) ?? [];
  return name === undefined ? undefined : { name, range: given };
}

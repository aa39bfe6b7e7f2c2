/**
 * Finds the spec file of an Agent by the Agent's name.
 *
 * @module
 */
import { closest } from "#core/text/closest";

const specExtension = ".md";
const suffix = "-gent";

/** The name of the Agent that a spec file's own name stands for: `spec/agents/B-gent.md` stands for `b-gent`. */
export const nameOfFile = (file: string): string =>
  (file.split("/").at(-1) ?? "").slice(0, -specExtension.length).toLowerCase();

/** What was found for a name. */
export type FoundSpec =
  | { readonly file: string }
  /** Several files fit equally well. */
  | { readonly several: readonly string[] }
  /** None fits. */
  | { readonly nearest: string | undefined };

/**
 * Finds the spec file of an Agent. Case does not count, and neither does an ending `-gent`; a file with the very name
 * comes first.
 *
 * @param name as the user writes it: `b`, `B-gent`
 * @param files the spec files, with `/` between the parts of a path
 */
export function findSpec(name: string, files: readonly string[]): FoundSpec {
  const wanted = name.toLowerCase();
  const other = wanted.endsWith(suffix) ? wanted.slice(0, -suffix.length) : `${wanted}${suffix}`;
  for (const candidate of [wanted, other]) {
    const fitting = files.filter((file) => nameOfFile(file) === candidate);
    const [first, second] = fitting;
    if (second !== undefined) return { several: fitting };
    if (first !== undefined) return { file: first };
  }
  return { nearest: closest(wanted, files.map(nameOfFile)) };
}

import { matchesGlob } from "node:path";

const firstMagic = /[*?[\]{}()!+@|]/;

/**
 * A `find -path` pattern that matches whatever the glob matches, and perhaps more: the glob's beginning and end as they
 * are, anything between. It only keeps what nobody asked for from crossing the border; {@link matchesOutputs} decides.
 */
export function findPattern(glob: string): string {
  const start = glob.search(firstMagic);
  if (start === -1) return `./${glob}`;
  const end = [...glob].reverse().join("").search(firstMagic);
  return `./${glob.slice(0, start)}*${end === 0 ? "" : [...glob].slice(-end).join("")}`;
}

/** Whether a file, named relative to the work directory, was asked for. */
export const matchesOutputs = (name: string, globs: readonly string[]): boolean =>
  globs.some((glob) => matchesGlob(name, glob));

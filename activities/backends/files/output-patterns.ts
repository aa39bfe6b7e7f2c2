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

/** Words of `find`: names with a backslash, which GNU tar would take for an escape and not find. */
export const backslash = "-path '*\\\\*'";
/** Words of `find`: makes what the code may not read itself readable to its owner, who collects it. */
export const readable = "\\( -perm -400 -o -exec chmod u+r {} \\; \\)";

/** Whether a file, named relative to the work directory, was asked for. */
export const matchesOutputs = (name: string, globs: readonly string[]): boolean =>
  // A backslash would count as a slash; such a name is refused, but as one that was asked for.
  globs.some((glob) => matchesGlob(name.replaceAll("\\", "_"), glob));

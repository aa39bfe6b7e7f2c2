import { compileGlob } from "./glob.ts";
import type { Pace } from "./pace.ts";

const firstMagic = /[*?[\]{}()!+@|]/;

/**
 * A `find -path` pattern that matches whatever the glob matches, and perhaps more: the glob's beginning and end as they
 * are, anything between. It only keeps what nobody asked for from crossing the border; {@link outputMatcher} decides.
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
/** Words of `find`: a folder that its owner, who collects, can look into; made so where it is not. */
export const passable = "-type d \\( -perm -500 -o -exec chmod u+rx {} \\; \\)";

/** Linux opens no path that is longer, so no such file can come back. It is not compared with globs. */
const longestPath = 4096;

/** Decides which files were asked for. */
export interface OutputMatcher {
  /** Whether a file was asked for. Its name is relative to the work directory. */
  readonly matches: (name: string) => Promise<boolean>;
  /** The globs that stood for none of the names so far. */
  readonly unused: () => readonly string[];
}

/**
 * Compiles the globs of a request. How many names there are is the code's choice and what comparing one costs the requester's: the pace gives
 * the event loop to others in between.
 */
export function outputMatcher(globs: readonly string[], pace: Pace): OutputMatcher {
  const compiled = globs.map((glob) => ({ glob, ...compileGlob(glob), used: false }));
  return {
    matches: async (name) => {
      if (name.length > longestPath) return true;
      let asked = false;
      for (const each of compiled) {
        if (asked && each.used) continue;
        if (pace.isDue()) await pace.rest();
        if (!each.matches(name)) continue;
        each.used = true;
        asked = true;
      }
      return asked;
    },
    unused: () => compiled.filter(({ used }) => !used).map(({ glob }) => glob),
  };
}

import { compileGlob } from "./glob.ts";
import type { Pace } from "./yield-to-event-loop.ts";

const firstMagic = /[*?[\]{}()!+@|]/;

/**
 * A `find -path` pattern that matches at least what the glob matches: the glob's literal beginning and end, with
 * anything between. It only reduces what leaves the cell; {@link outputMatcher} decides.
 */
export function findPattern(glob: string): string {
  const start = glob.search(firstMagic);
  if (start === -1) return `./${glob}`;
  const end = [...glob].reverse().join("").search(firstMagic);
  return `./${glob.slice(0, start)}*${end === 0 ? "" : [...glob].slice(-end).join("")}`;
}

/** `find` arguments: names with a backslash, which GNU tar would treat as an escape and not find. */
export const backslash = "-path '*\\\\*'";
/** `find` arguments: makes files readable to their owner, who collects them. */
export const readable = "\\( -perm -400 -o -exec chmod u+r {} \\; \\)";
/** `find` arguments: matches folders that their owner can enter; adds that permission if it is missing. */
export const passable = "-type d \\( -perm -500 -o -exec chmod u+rx {} \\; \\)";

/** Linux does not open longer paths, so such a file cannot be collected. It is not compared with globs. */
const longestPath = 4096;

/** Decides which files were requested. */
export interface OutputMatcher {
  /** Whether a file was requested. Its name is relative to the work directory. */
  readonly matches: (name: string) => Promise<boolean>;
  /** The globs that have matched no name so far. */
  readonly unused: () => readonly string[];
}

/**
 * Compiles the globs of a request. The code determines the number of names, and the requester the cost of each
 * comparison, so the pace yields the event loop in between.
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

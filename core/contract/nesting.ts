/**
 * How deep a value may be nested. JSON of any depth can be read, but what writes or copies it calls itself once for each level, and ends with
 * an overflow of the stack.
 *
 * @module
 */

/** The deepest nesting of lists and objects that a workflow takes: a request of ours has 4 levels, and a batch's input 8. */
export const maximumDepth = 100;

/** A list or an object that the walk is in: what is in it, and how much of that has been looked at. */
interface Open {
  readonly keys: readonly string[];
  readonly value: Readonly<Record<string, unknown>>;
  next: number;
}

const opened = (value: unknown): Open | undefined =>
  typeof value === "object" && value !== null
    ? { keys: Object.keys(value), value: value as Open["value"], next: 0 }
    : undefined;

/**
 * Looks for a value that is nested deeper than {@link maximumDepth}.
 *
 * Calls nothing recursively: it keeps a list of the levels that it is in, which is never longer than the maximum. It looks at each value at
 * most once, and ends with the first that is too deep.
 *
 * @returns the way to that value, one name for each level; undefined where nothing is too deep
 */
export function tooDeep(whole: unknown): readonly string[] | undefined {
  const first = opened(whole);
  const levels = first ? [first] : [];
  for (;;) {
    const level = levels.at(-1);
    if (level === undefined) return undefined;
    const key = level.keys[level.next];
    level.next += 1;
    if (key === undefined) {
      levels.pop();
      continue;
    }
    const inside = opened(level.value[key]);
    if (inside === undefined) continue;
    if (levels.length === maximumDepth) return levels.map(({ keys, next }) => keys[next - 1] ?? "");
    levels.push(inside);
  }
}

/**
 * The limit on the nesting depth of inputs. JSON of any depth can be parsed, but serializing or cloning recurses once
 * per level and overflows the stack.
 *
 * @module
 */

/** The maximum nesting depth of a workflow's input. A valid request has 4 levels, the input of a batch 8. */
export const maximumDepth = 100;

/** A list or an object on the current path of the walk, with its keys and the position within them. */
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
 * Finds a value that is nested deeper than {@link maximumDepth}.
 *
 * Iterative, with an explicit stack of at most {@link maximumDepth} levels. Visits each value at most once, and stops
 * at the first that is too deep.
 *
 * @returns the path to that value, one key per level; undefined if nothing is too deep
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

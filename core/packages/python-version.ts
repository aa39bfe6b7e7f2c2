/**
 * Whether a released version of Python is among those that code says it needs, by the rules of PEP 440 for versions of
 * numbers and dots.
 *
 * @module
 */

const part = /^\s*(===|==|!=|~=|<=|>=|<|>)\s*(\d+(?:\.\d+){0,3})(\.\*)?\s*$/;

/** Compares two lists of numbers; missing ones are 0. */
function compare(left: readonly number[], right: readonly number[]): number {
  for (let index = 0; index < Math.max(left.length, right.length); index += 1) {
    const difference = (left[index] ?? 0) - (right[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

const numbersOf = (text: string): number[] => text.split(".").map(Number);

function meets(version: readonly number[], operator: string, given: readonly number[], isPrefix: boolean): boolean {
  const equals = compare(isPrefix ? version.slice(0, given.length) : version, given) === 0;
  switch (operator) {
    case "==":
    case "===":
      return equals;
    case "!=":
      return !equals;
    case ">=":
      return compare(version, given) >= 0;
    case "<=":
      return compare(version, given) <= 0;
    case ">":
      return compare(version, given) > 0;
    case "<":
      return compare(version, given) < 0;
    default:
      // `~= 3.11` means `>= 3.11, == 3.*`.
      return compare(version, given) >= 0 && compare(version.slice(0, given.length - 1), given.slice(0, -1)) === 0;
  }
}

/**
 * Whether a version, such as `3.13.1`, meets a list of conditions, such as `>=3.11,<3.14`.
 *
 * @returns undefined if the conditions cannot be read
 */
export function meetsPython(version: string, conditions: string): boolean | undefined {
  if (conditions.trim() === "") return true;
  const parts = conditions.split(",").map((condition) => part.exec(condition));
  const found = numbersOf(version);
  let all = true;
  for (const each of parts) {
    const [, operator, given, prefix] = each ?? [];
    if (operator === undefined || given === undefined) return undefined;
    const numbers = numbersOf(given);
    if (operator === "~=" && numbers.length < 2) return undefined;
    if (prefix !== undefined && operator !== "==" && operator !== "!=") return undefined;
    all &&= meets(found, operator, numbers, prefix !== undefined);
  }
  return all;
}

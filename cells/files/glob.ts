/**
 * Globs without backtracking. A glob is compiled to a small program. A name is read once, while the set of all possible
 * program states is tracked. The cost is at most the length of the glob times that of the name: braces become branches
 * of the program and are never multiplied out.
 *
 * - `*` and `?` match within a folder, and do not match a dot at the beginning of a name.
 * - `**` as a whole path segment matches any number of folders; at the end, everything below. It matches no hidden
 * ones.
 * - `[ab]`, `[a-c]`, and `[!a]` or `[^a]` match one character within a folder.
 * - `{a,b}` matches either alternative, can be nested, and can span folders.
 * - All other characters match themselves, including parentheses and unclosed brackets and braces.
 *
 * @module
 */

/** A predicate of one character, given as a code point. */
type Accepts = (character: number) => boolean;

type Instruction =
  | { readonly do: "read"; readonly accepts: Accepts }
  | { readonly do: "fork"; targets: number[] }
  /** Continues unless a path segment starts here that is hidden or empty. */
  | { readonly do: "visible" };

/** A compiled glob. */
export interface Glob {
  /** Whether it matches a name. The name is relative, with `/` between its parts. */
  readonly matches: (name: string) => boolean;
}

const slash = 0x2f;
const dot = 0x2e;
const isNotSlash: Accepts = (character) => character !== slash;
const isExactly =
  (expected: number): Accepts =>
  (character) =>
    character === expected;

const codePoints = (text: string): number[] => Array.from(text, (character) => character.codePointAt(0) ?? 0);

/** The positions of a brace's start, commas and end; undefined if it has no alternatives. */
function alternativesAt(glob: readonly string[], open: number, end: number): number[] | undefined {
  const borders = [open];
  let depth = 0;
  for (let at = open; at < end; at += 1) {
    if (glob[at] === "{") depth += 1;
    else if (glob[at] === "}") depth -= 1;
    else if (glob[at] === "," && depth === 1) borders.push(at);
    if (depth === 0) return borders.length > 1 ? [...borders, at] : undefined;
  }
  return undefined;
}

/** Parses a bracket class: what it accepts and where it ends; undefined if it is not a class. */
function classAt(glob: readonly string[], open: number, end: number) {
  const negated = glob[open + 1] === "!" || glob[open + 1] === "^";
  const first = open + (negated ? 2 : 1);
  // A closing bracket in first place is literal.
  let close = first + 1;
  while (close < end && glob[close] !== "]") close += 1;
  const members = glob.slice(first, close);
  if (close >= end || members.includes("/")) return undefined;
  const numbers = members.map((member) => member.codePointAt(0) ?? 0);
  const ranges: (readonly [from: number, to: number])[] = [];
  for (let at = 0; at < numbers.length; at += 1) {
    const from = numbers[at] ?? 0;
    const isRange = members[at + 1] === "-" && at + 2 < members.length;
    ranges.push([from, isRange ? (numbers[at + 2] ?? 0) : from]);
    if (isRange) at += 2;
  }
  const isMember = (character: number): boolean => ranges.some(([from, to]) => character >= from && character <= to);
  const accepts: Accepts = (character) => isNotSlash(character) && isMember(character) !== negated;
  // A class of one character escapes a special character: it matches that one, even a dot.
  return { accepts, close, isLiteral: !negated && members.length === 1 };
}

/** Compiles a glob. */
export function compileGlob(text: string): Glob {
  const glob = Array.from(text);
  const program: Instruction[] = [];
  const read = (accepts: Accepts): void => void program.push({ do: "read", accepts });
  const fork = (...targets: number[]): { targets: number[] } => {
    const instruction = { do: "fork" as const, targets };
    program.push(instruction);
    return instruction;
  };
  /** Matches any number of characters within a folder. */
  const readRest = (): void => {
    const loop = fork(program.length + 1);
    read(isNotSlash);
    fork(program.length - 2);
    loop.targets.push(program.length);
  };
  /** Matches `**`, either at the end of a path or with the slash after it. */
  const readFolders = (isEnd: boolean): void => {
    const again = program.length;
    const skip = isEnd ? undefined : fork(again + 1);
    program.push({ do: "visible" });
    read(isNotSlash);
    readRest();
    const more = fork(program.length + 1);
    read(isExactly(slash));
    fork(again);
    // At the end of the path no slash follows the last folder's name.
    if (isEnd) more.targets.push(program.length);
    skip?.targets.push(program.length);
  };

  /** @param opens whether the part begins at the beginning of a name @param closes whether it ends at the end of one */
  const compile = (from: number, end: number, opens: boolean, closes: boolean): void => {
    for (let at = from; at < end; at += 1) {
      const character = glob[at] ?? "";
      if (character === "*") {
        const begin = at;
        while (at + 1 < end && glob[at + 1] === "*") at += 1;
        const isFirst = begin === from ? opens : glob[begin - 1] === "/";
        const isLast = at + 1 === end ? closes : glob[at + 1] === "/";
        if (at - begin === 1 && isFirst && isLast) {
          const hasSlash = at + 1 < end;
          readFolders(!hasSlash);
          if (hasSlash) at += 1;
        } else {
          program.push({ do: "visible" });
          readRest();
        }
      } else if (character === "?") {
        program.push({ do: "visible" });
        read(isNotSlash);
      } else if (character === "[") {
        const found = classAt(glob, at, end);
        if (found && !found.isLiteral) program.push({ do: "visible" });
        read(found?.accepts ?? isExactly(0x5b));
        at = found?.close ?? at;
      } else if (character === "{") {
        const borders = alternativesAt(glob, at, end);
        if (!borders) {
          read(isExactly(0x7b));
          continue;
        }
        const close = borders.at(-1) ?? at;
        const isFirst = at === from ? opens : glob[at - 1] === "/";
        const isLast = close + 1 === end ? closes : glob[close + 1] === "/";
        const choice = fork();
        const ends = borders.slice(1).map((border, index) => {
          choice.targets.push(program.length);
          compile((borders[index] ?? at) + 1, border, isFirst, isLast);
          return fork();
        });
        for (const each of ends) each.targets.push(program.length);
        at = close;
      } else {
        read(isExactly(character.codePointAt(0) ?? 0));
      }
    }
  };
  compile(0, glob.length, true, true);
  return { matches: (name) => run(program, codePoints(name)) };
}

/** Reads a name while tracking all states at once. The program accepts at its end. */
function run(program: readonly Instruction[], name: readonly number[]): boolean {
  const end = program.length;
  /** The position at which a state was last reached, so that each is followed once per position. */
  const reached = new Int32Array(end + 1).fill(-1);
  let states: number[] = [0];
  for (let position = 0; position <= name.length; position += 1) {
    const character = name[position];
    const isBeginning = position === 0 || name[position - 1] === slash;
    const isVisible = !isBeginning || (character !== undefined && character !== dot && character !== slash);
    const next: number[] = [];
    while (states.length > 0) {
      const state = states.pop() ?? end;
      if (reached[state] === position) continue;
      reached[state] = position;
      const instruction = program[state];
      if (instruction === undefined) {
        if (character === undefined) return true;
      } else if (instruction.do === "fork") states.push(...instruction.targets);
      else if (instruction.do === "read") {
        if (character !== undefined && instruction.accepts(character)) next.push(state + 1);
      } else if (isVisible) states.push(state + 1);
    }
    if (next.length === 0) return false;
    states = next;
  }
  return false;
}

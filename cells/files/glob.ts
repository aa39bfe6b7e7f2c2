/**
 * Globs without backtracking. A glob is compiled to a small program, and a name is read once while all states that the program can be in are
 * kept as a set. The cost is at most the length of the glob times that of the name, whatever the glob is: braces are branches
 * of the program and are never multiplied out.
 *
 * - `*` and `?` stay within a folder, and do not stand for the dot at the beginning of a name.
 * - `**` as a whole part of the path stands for any number of folders; at the end, for all that is below. None of them is a hidden one.
 * - `[ab]`, `[a-c]`, and `[!a]` or `[^a]` stand for one character within a folder.
 * - `{a,b}` chooses, also nested, also across folders.
 * - All other characters stand for themselves: parentheses too, and brackets and braces that are not closed.
 *
 * @module
 */

/** A test of one character, given as a code point. */
type Accepts = (character: number) => boolean;

type Instruction =
  | { readonly do: "read"; readonly accepts: Accepts }
  | { readonly do: "fork"; targets: number[] }
  /** Goes on only where a name does not begin here with a dot, and does not end here. */
  | { readonly do: "visible" };

/** A compiled glob. */
export interface Glob {
  /** Whether it stands for a name. The name is relative, with `/` between its parts. */
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

/** Where a brace closes, and the commas between its alternatives; undefined where it chooses between nothing. */
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

/** What a class in brackets accepts, and where it ends; undefined where it is none. */
function classAt(glob: readonly string[], open: number, end: number) {
  const negated = glob[open + 1] === "!" || glob[open + 1] === "^";
  const first = open + (negated ? 2 : 1);
  // A bracket that comes first stands for itself.
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
  // A class of a single character is how a special one is written: it stands for that one, also for a dot.
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
  /** Any number of characters within a folder. */
  const readRest = (): void => {
    const loop = fork(program.length + 1);
    read(isNotSlash);
    fork(program.length - 2);
    loop.targets.push(program.length);
  };
  /** `**`, at the end of a path or with the slash behind it. */
  const readFolders = (isEnd: boolean): void => {
    const again = program.length;
    const skip = isEnd ? undefined : fork(again + 1);
    program.push({ do: "visible" });
    read(isNotSlash);
    readRest();
    const more = fork(program.length + 1);
    read(isExactly(slash));
    fork(again);
    // At the end of the path the last folder's name needs no slash behind it.
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

/** Reads a name with all states at once. A program ends behind its last instruction. */
function run(program: readonly Instruction[], name: readonly number[]): boolean {
  const end = program.length;
  /** At which position a state was last reached: each is followed once a position. */
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

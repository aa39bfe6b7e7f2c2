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
import {
  type Accepts,
  isExactly,
  isNotSlash,
  type ProgramBuilder,
  programBuilder,
  runProgram,
} from "./glob-program.ts";

/** A compiled glob. */
export interface Glob {
  /** Whether it matches a name. The name is relative, with `/` between its parts. */
  readonly matches: (name: string) => boolean;
}

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

/** A part of a glob: the whole, or an alternative of a brace. */
interface Part {
  readonly glob: readonly string[];
  readonly from: number;
  readonly end: number;
  /** Whether the part begins at the beginning of a name. */
  readonly opens: boolean;
  /** Whether it ends at the end of one. */
  readonly closes: boolean;
}

/** Whether the characters from `first` to `last` of a part begin, and end, at the border of a name. */
const bordersOf = ({ glob, from, end, opens, closes }: Part, first: number, last: number) => ({
  isFirst: first === from ? opens : glob[first - 1] === "/",
  isLast: last + 1 === end ? closes : glob[last + 1] === "/",
});

/**
 * Compiles the stars that begin at `at`. Returns the position of the last character that was compiled, as the other
 * functions of this kind do.
 */
function compileStars(to: ProgramBuilder, part: Part, at: number): number {
  const { glob, end } = part;
  let last = at;
  while (last + 1 < end && glob[last + 1] === "*") last += 1;
  const { isFirst, isLast } = bordersOf(part, at, last);
  if (last - at === 1 && isFirst && isLast) {
    const hasSlash = last + 1 < end;
    to.readFolders(!hasSlash);
    return hasSlash ? last + 1 : last;
  }
  to.requireVisible();
  to.readRest();
  return last;
}

function compileClass(to: ProgramBuilder, { glob, end }: Part, at: number): number {
  const found = classAt(glob, at, end);
  if (found && !found.isLiteral) to.requireVisible();
  to.read(found?.accepts ?? isExactly(0x5b));
  return found?.close ?? at;
}

function compileBrace(to: ProgramBuilder, part: Part, at: number): number {
  const borders = alternativesAt(part.glob, at, part.end);
  if (!borders) {
    to.read(isExactly(0x7b));
    return at;
  }
  const close = borders.at(-1) ?? at;
  const { isFirst, isLast } = bordersOf(part, at, close);
  const choice = to.fork();
  const ends = borders.slice(1).map((border, index) => {
    choice.targets.push(to.program.length);
    const from = (borders[index] ?? at) + 1;
    compilePart(to, { glob: part.glob, from, end: border, opens: isFirst, closes: isLast });
    return to.fork();
  });
  for (const each of ends) each.targets.push(to.program.length);
  return close;
}

function compileCharacter(to: ProgramBuilder, { glob }: Part, at: number): number {
  const character = glob[at] ?? "";
  if (character === "?") {
    to.requireVisible();
    to.read(isNotSlash);
  } else {
    to.read(isExactly(character.codePointAt(0) ?? 0));
  }
  return at;
}

const compilers: Readonly<Record<string, typeof compileStars>> = {
  "*": compileStars,
  "[": compileClass,
  "{": compileBrace,
};

function compilePart(to: ProgramBuilder, part: Part): void {
  for (let at = part.from; at < part.end; at += 1) {
    const compile = compilers[part.glob[at] ?? ""] ?? compileCharacter;
    at = compile(to, part, at);
  }
}

/** Compiles a glob. */
export function compileGlob(text: string): Glob {
  const glob = Array.from(text);
  const builder = programBuilder();
  compilePart(builder, { glob, from: 0, end: glob.length, opens: true, closes: true });
  return { matches: (name) => runProgram(builder.program, codePoints(name)) };
}

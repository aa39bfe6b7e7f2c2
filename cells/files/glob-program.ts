/**
 * The program that a glob is compiled to. It reads a name once, while the set of all possible states is tracked.
 *
 * @module
 */

/** A predicate of one character, given as a code point. */
export type Accepts = (character: number) => boolean;

/** One step of a program. */
type Instruction =
  | { readonly do: "read"; readonly accepts: Accepts }
  | { readonly do: "fork"; targets: number[] }
  /** Continues unless a path segment starts here that is hidden or empty. */
  | { readonly do: "visible" };

const slash = 0x2f;
const dot = 0x2e;
/** Accepts every character of a folder's name. */
export const isNotSlash: Accepts = (character) => character !== slash;
/** Accepts one character. */
export const isExactly =
  (expected: number): Accepts =>
  (character) =>
    character === expected;

/** Appends instructions to a program. */
export interface ProgramBuilder {
  readonly program: Instruction[];
  readonly read: (accepts: Accepts) => void;
  readonly fork: (...targets: number[]) => { targets: number[] };
  readonly requireVisible: () => void;
  /** Matches any number of characters within a folder. */
  readonly readRest: () => void;
  /** Matches `**`, either at the end of a path or with the slash after it. */
  readonly readFolders: (isEnd: boolean) => void;
}

/** Starts an empty program. */
export function programBuilder(): ProgramBuilder {
  const program: Instruction[] = [];
  const read = (accepts: Accepts): void => void program.push({ do: "read", accepts });
  const fork = (...targets: number[]): { targets: number[] } => {
    const instruction = { do: "fork" as const, targets };
    program.push(instruction);
    return instruction;
  };
  const requireVisible = (): void => void program.push({ do: "visible" });
  const readRest = (): void => {
    const loop = fork(program.length + 1);
    read(isNotSlash);
    fork(program.length - 2);
    loop.targets.push(program.length);
  };
  const readFolders = (isEnd: boolean): void => {
    const again = program.length;
    const skip = isEnd ? undefined : fork(again + 1);
    requireVisible();
    read(isNotSlash);
    readRest();
    const more = fork(program.length + 1);
    read(isExactly(slash));
    fork(again);
    // At the end of the path no slash follows the last folder's name.
    if (isEnd) more.targets.push(program.length);
    skip?.targets.push(program.length);
  };
  return { program, read, fork, requireVisible, readRest, readFolders };
}

/** Reads a name while tracking all states at once. The program accepts at its end. */
export function runProgram(program: readonly Instruction[], name: readonly number[]): boolean {
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

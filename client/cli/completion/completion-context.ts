import type { Argument, Command, Option } from "commander";

/** What the last word is: a flag, the value of a flag, or an operand (the name of a command, or an argument). */
export type CompletionContext =
  | { readonly kind: "flag"; readonly command: Command; readonly used: readonly Option[] }
  | { readonly kind: "value"; readonly command: Command; readonly option: Option }
  | { readonly kind: "operand"; readonly command: Command; readonly argument: Argument | undefined };

const takesValue = (option: Option): boolean => option.required || option.optional;

const findOption = (command: Command, word: string): Option | undefined =>
  command.options.find(({ long, short }) => word === long || word === short);

/**
 * Determines what the last word of a command line completes to.
 *
 * @param before the words before the last one, without `kgents` itself
 */
export function completionContext(program: Command, before: readonly string[], current: string): CompletionContext {
  let command = program;
  let pending: Option | undefined;
  let operands = 0;
  let onlyOperands = false;
  const used: Option[] = [];
  for (const word of before) {
    if (pending) {
      pending = undefined;
    } else if (!onlyOperands && word === "--") {
      onlyOperands = true;
    } else if (!onlyOperands && word.startsWith("-") && word !== "-") {
      const option = findOption(command, word.replace(/=.*/s, ""));
      if (option) used.push(option);
      if (option && takesValue(option) && !word.includes("=")) pending = option;
    } else {
      const within = operands === 0 ? command.commands.find((known) => known.name() === word) : undefined;
      if (within) command = within;
      else operands += 1;
    }
  }
  if (pending) return { kind: "value", command, option: pending };
  if (!onlyOperands && current.startsWith("-")) {
    const [name = "", value] = current.split("=", 2);
    const option = value === undefined ? undefined : findOption(command, name);
    return option ? { kind: "value", command, option } : { kind: "flag", command, used };
  }
  const { registeredArguments } = command;
  const last = registeredArguments.at(-1);
  const argument = registeredArguments[operands] ?? (last?.variadic ? last : undefined);
  return { kind: "operand", command, argument };
}

/**
 * Rejoins words that bash has split at `:` and `=`, which occur in ids and flags.
 *
 * @returns `typed`: the part of the current word that bash treats as already typed
 */
export function rejoin(words: readonly string[]): { before: string[]; current: string; typed: string } {
  const joined: string[] = [];
  let glue = false;
  for (const word of words) {
    const isBreak = /^[:=]+$/.test(word);
    if ((isBreak || glue) && joined.length > 0) joined.push(`${joined.pop()}${word}`);
    else joined.push(word);
    glue = isBreak;
  }
  const current = joined.pop() ?? "";
  const last = words.at(-1) ?? "";
  const typed = /^[:=]+$/.test(last) ? current : current.slice(0, current.length - last.length);
  return { before: joined, current, typed };
}

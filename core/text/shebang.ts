/**
 * Detects the language of a script from its shebang line.
 *
 * @module
 */
import type { Language } from "../contract/language.ts";

/** Programs whose names differ from those of the language that they run. */
const otherNames: Readonly<Record<string, string>> = { dash: "sh", ash: "sh", nodejs: "javascript" };

/** Options of env(1) that take a value as the next word. */
const withValue = ["-u", "--unset", "-C", "--chdir"];

const nameOf = (path: string | undefined): string => path?.replace(/^.*\//, "") ?? "";

/** The program that env(1) runs. */
function programOfEnv(words: readonly string[]): string {
  const rest = [...words];
  for (let word = rest.shift(); word !== undefined; word = rest.shift()) {
    const split = /^(?:-S|--split-string=?)(.*)$/.exec(word);
    if (split) {
      if (split[1]) return split[1];
    } else if (withValue.includes(word)) rest.shift();
    else if (!word.startsWith("-") && !word.includes("=")) return word;
  }
  return "";
}

/**
 * The name of the program in a shebang line, without its folder: `python3` for `#!/usr/bin/env -S python3 -u`.
 *
 * @returns undefined if the text does not begin with a shebang line
 */
export function programOfShebang(text: string): string | undefined {
  const [, line] = /^#![ \t]*([^\r\n]*)/.exec(text) ?? [];
  if (line === undefined) return undefined;
  const [program, ...words] = line.trim().split(/[ \t]+/);
  const name = nameOf(program);
  if (name === "env") return nameOf(programOfEnv(words));
  return name === "busybox" ? nameOf(words[0]) : name;
}

/**
 * The language that a program runs, by its name, alias or command. A version suffix is ignored: `python3.12` is
 * `python3`.
 */
export function languageOfProgram(languages: readonly Language[], program: string): Language | undefined {
  const names = [program, program.replace(/(?<=\d)(?:\.\d+)+$/, "")];
  const wanted = [...names, ...names.map((name) => otherNames[name] ?? "")].filter((name) => name !== "");
  return languages.find(({ name, aliases, command }) =>
    [name, ...aliases, nameOf(command[0])].some((known) => wanted.includes(known)),
  );
}

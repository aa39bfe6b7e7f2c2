/**
 * The language of a script by its first line.
 *
 * @module
 */
import type { Language } from "../contract/language.ts";

/** Shells and runtimes that run a language of ours under a name of their own. */
const otherNames: Readonly<Record<string, string>> = { dash: "sh", ash: "sh", nodejs: "javascript" };

/** Options of env(1) that take the next word. */
const withValue = ["-u", "--unset", "-C", "--chdir"];

const nameOf = (path: string | undefined): string => path?.replace(/^.*\//, "") ?? "";

/** What env(1) runs. */
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
 * The name of the program that the first line of a script asks for, without its folder: `python3` of `#!/usr/bin/env -S python3 -u`.
 *
 * @returns undefined where the text begins with no such line
 */
export function programOfShebang(text: string): string | undefined {
  const [, line] = /^#![ \t]*([^\r\n]*)/.exec(text) ?? [];
  if (line === undefined) return undefined;
  const [program, ...words] = line.trim().split(/[ \t]+/);
  const name = nameOf(program);
  if (name === "env") return nameOf(programOfEnv(words));
  return name === "busybox" ? nameOf(words[0]) : name;
}

/** The language that a program runs: by a name or alias, or by the command of the language; `python3.12` is `python3`. */
export function languageOfProgram(languages: readonly Language[], program: string): Language | undefined {
  const names = [program, program.replace(/(?<=\d)(?:\.\d+)+$/, "")];
  const wanted = [...names, ...names.map((name) => otherNames[name] ?? "")].filter((name) => name !== "");
  return languages.find(({ name, aliases, command }) =>
    [name, ...aliases, nameOf(command[0])].some((known) => wanted.includes(known)),
  );
}

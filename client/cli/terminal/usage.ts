import type { Command, CommanderError } from "commander";
import { KgentsError } from "#core/contract/error";

/** Turns commander's error about a wrong flag or command into one message in our own words. */
export function usageError(program: Command, error: CommanderError, args: readonly string[]): KgentsError {
  const [what = "", ...hints] = error.message.replace(/^error: /, "").split("\n");
  const meant = hints.join(" ").replace(/^\(Did you mean (.*)\?\)$/, "(did you mean $1?)");
  const see = `See \`${[program.name(), ...commandNames(program, args), "--help"].join(" ")}\`.`;
  // Usually code that the shell has split into words.
  const isExcess = error.code === "commander.excessArguments";
  return new KgentsError("invalid-request", meant === "" ? what : `${what} ${meant}`, {
    cause: error,
    remedy: isExcess ? `Put arguments with spaces in quotes. ${see}` : see,
  });
}

/** The names of the command and subcommand that the arguments name. */
function commandNames(program: Command, [first, ...rest]: readonly string[]): string[] {
  const command = program.commands.find((known) => known.name() === first);
  return command ? [command.name(), ...commandNames(command, rest)] : [];
}

/** Whether `--json` was given on a command line that cannot be parsed, so that stdout still gets one object. */
export function wantsJson(args: readonly string[]): boolean {
  const end = args.indexOf("--");
  return (end === -1 ? args : args.slice(0, end)).includes("--json");
}

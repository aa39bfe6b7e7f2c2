import type { Command, CommanderError } from "commander";
import { KgentsError } from "../../core/error.ts";

/** Says what commander says of a wrong flag or command in our own words, and once. */
export function usageError(program: Command, error: CommanderError, args: readonly string[]): KgentsError {
  const [what = "", ...hints] = error.message.replace(/^error: /, "").split("\n");
  const meant = hints.join(" ").replace(/^\(Did you mean (.*)\?\)$/, "(did you mean $1?)");
  const command = program.commands.find((known) => known.name() === args[0]);
  return new KgentsError("invalid-request", meant === "" ? what : `${what} ${meant}`, {
    cause: error,
    remedy: `See \`${[program.name(), ...(command ? [command.name()] : []), "--help"].join(" ")}\`.`,
  });
}

/** Whether `--json` was among the flags that could not be understood: whoever reads stdout then still gets one object. */
export function wantsJson(args: readonly string[]): boolean {
  const end = args.indexOf("--");
  return (end === -1 ? args : args.slice(0, end)).includes("--json");
}

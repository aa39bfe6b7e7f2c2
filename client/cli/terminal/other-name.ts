import { type Command, Option } from "commander";

/** Takes a flag by the name that another command has for it, too; help and completion show the first one only. */
export function alsoNamed(command: Command, name: string, other: string): Command {
  return command
    .addOption(new Option(`--${other} <value>`).hideHelp())
    .on(`option:${other}`, (value: string) => command.setOptionValue(name, value));
}

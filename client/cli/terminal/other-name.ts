import { type Command, Option } from "commander";

/** Also accepts a flag by the name that another command has for it. Help and completion show only the first name. */
export function alsoNamed(command: Command, name: string, other: string): Command {
  return command
    .addOption(new Option(`--${other} <value>`).hideHelp())
    .on(`option:${other}`, (value: string) => command.setOptionValue(name, value));
}

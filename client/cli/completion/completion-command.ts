import { Argument, type Command } from "commander";

/** The supported shells. */
export const shells = ["bash", "zsh", "fish"] as const;

/** A supported shell. */
export type Shell = (typeof shells)[number];

/** The internal command that completion scripts call. */
const completer = "__complete";

const help = `
Add this to the shell's start-up file:
  bash    source <(kgents completion bash)      in ~/.bashrc
  zsh     source <(kgents completion zsh)       in ~/.zshrc, after compinit
  fish    kgents completion fish | source       in ~/.config/fish/config.fish

It completes commands, flags, languages, states and the ids of recent runs. It starts nothing.`;

/** Declares `kgents completion` and the internal command that its scripts call. */
export function completionCommands(
  program: Command,
  runs: {
    readonly completion: (shell: Shell) => Promise<void>;
    readonly complete: (shell: Shell, words: string[]) => Promise<void>;
  },
): void {
  program
    .command("completion")
    .summary("print a script that completes commands in a shell")
    .description("Prints a script that completes kgents' commands in a shell.")
    .addArgument(new Argument("<shell>", "the shell").choices(shells))
    .addHelpText("after", help)
    .action(runs.completion);
  program
    .command(completer, { hidden: true })
    .addArgument(new Argument("<shell>").choices(shells))
    .argument("[words...]")
    .action(runs.complete);
}

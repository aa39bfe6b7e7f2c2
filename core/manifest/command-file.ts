/**
 * The file `command` of a delivery to a Kubernetes cell, and the script that starts the program from it.
 *
 * @module
 */
import { shellQuote } from "../text/shell-quote.ts";

/**
 * Variables that shells set, read or make read-only themselves. They are passed by env(1), on its command line.
 */
const shellVariables =
  `_ BASH BASHOPTS BASHPID BASH_ALIASES BASH_ARGC BASH_ARGV BASH_ARGV0 BASH_CMDS BASH_COMMAND BASH_COMPAT BASH_EXECUTION_STRING
   BASH_LINENO BASH_MONOSECONDS BASH_REMATCH BASH_SOURCE BASH_SUBSHELL BASH_TRAPSIG BASH_VERSINFO BASH_VERSION BASH_XTRACEFD
   DIRSTACK EPOCHREALTIME EPOCHSECONDS EUID FUNCNAME FUNCNEST GLOBIGNORE GROUPS HISTCMD HISTFILESIZE HISTSIZE IFS LINENO OLDPWD
   OPTARG OPTERR OPTIND PATH PIPESTATUS PPID PWD RANDOM SECONDS SHELLOPTS SHLVL SRANDOM UID`.split(/\s+/);
const isShellVariable = (name: string): boolean => shellVariables.includes(name);

/**
 * Starts the code in a separate shell with a clean environment. Variables are exported from the file `command`, because
 * the whole node can read a command line. The shell's own warnings about a variable (a locale that the image lacks) are
 * not output of the code, and are discarded.
 */
export const startScript = `. "$1" 2>/dev/null || exit 126
while case \${1%%=*} in "$1" | ${shellVariables.join(" | ")}) false ;; esac; do export "$1"; shift; done
exec env -u PWD -u OLDPWD -u SHLVL -u _ "$@"`;

/**
 * Renders the file `command` of a delivery: what to run, quoted so that arguments and variables arrive byte for byte.
 * They may hold secrets, so they are neither in the manifest nor on an exec's command line.
 *
 * @param command the program and its arguments; the program's name must not contain `=`, which env(1) would read as a
 *   variable
 */
export const renderCommandFile = (
  command: readonly string[],
  environment: Readonly<Record<string, string>>,
): string => {
  const names = Object.keys(environment);
  // The start script exports variables up to the first shell variable; env(1) sets the rest.
  const ordered = [...names.filter((name) => !isShellVariable(name)), ...names.filter(isShellVariable)];
  const variables = ordered.map((name) => `${name}=${environment[name]}`);
  return `set -- ${[...variables, ...command].map(shellQuote).join(" ")}\n`;
};

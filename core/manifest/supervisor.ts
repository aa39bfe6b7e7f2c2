/**
 * The supervisor of a Kubernetes cell: a POSIX shell script. It is PID 1 of its pid namespace, so the code cannot kill
 * it with a signal.
 *
 * The steps of a run; all files are in the run directory unless stated otherwise:
 * 1. The supervisor creates the FIFO `done`, the empty files `stdout` and `stderr`, then the FIFO `go`, and waits.
 * 2. The worker delivers the input files into the work directory, `command` (see {@link renderCommandFile}) and, if
 *    there is any, `stdin`. Then it creates the directory `started` and writes a line to `go`. A second delivery after
 *    a crash finds `started` and has no effect: `go` is read only once.
 * 3. The code runs. A worker follows its output by reading the two files by offset, and reads `done` to be notified of
 *    the end.
 * 4. When the code has ended, its remaining processes are killed and `exit` appears: see {@link parseExitMarker}. The
 *    file `elapsed` holds the code's run time in milliseconds.
 * 5. The worker collects the output and creates the file `collected`. Then, or after the grace period, the container
 *    exits with the code's own exit code.
 *
 * The code has the same uid as the supervisor, so it can write to the run directory. It can corrupt its own output and
 * marker, and it can kill the watchdogs; the worker's clock and the kubelet's limits still apply. RLIMIT_NPROC bounds
 * its processes. That limit counts all processes of the cell's user id on the node, so the supervisor and execs have a
 * higher limit than the code. With ptrace the code can stop or end the supervisor, and the cell with it.
 *
 * @module
 */
import { shellQuote } from "../text/shell-quote.ts";

/** Processes of the supervisor and of execs. They count for the same user as the code's. */
const ownProcesses = 16;
/** How many more of these can still be started when the code has reached its limit. */
const spareProcesses = 48;

/** The exit code of the supervisor if its shell cannot limit processes. */
export const noProcessLimitExit = 122;

/**
 * A shell command that limits the processes of the cell's user, for the shell and everything it starts. The option is
 * -u in bash, and -p in dash and busybox. The command fails if the shell supports neither.
 */
const limitCommand = (processes: string): string => `{ ulimit -u ${processes} || ulimit -p ${processes}; } 2>/dev/null`;

/** The same for a program that is started in a cell by exec. @param processes the limit of the cell's code */
export const execLimitCommand = (processes: number): string =>
  limitCommand(String(processes + ownProcesses + spareProcesses));

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
const startScript = `. "$1" 2>/dev/null || exit 126
while case \${1%%=*} in "$1" | ${shellVariables.join(" | ")}) false ;; esac; do export "$1"; shift; done
exec env -u PWD -u OLDPWD -u SHLVL -u _ "$@"`;

// Kubernetes expands `$(NAME)` in a container's command if it knows the name, and turns two dollars into one. The
// script must not contain two dollars in a row. It is limited to what POSIX, dash and busybox support: no `local`, no
// `wait -n`, no `read -t`.
const script = `run=$1 work=$2 tmp=$3 seconds=$4 disk=$5 output=$6 grace=$7 start=$8 processes=$9
umask 022
# The supervisor's limit is higher than the code's, so it can start processes when the code has reached its own. It is not
# unlimited, in case the code takes over the supervisor.
${limitCommand(`$((processes + ${ownProcesses + spareProcesses}))`)} || exit ${noProcessLimitExit}
# Volumes in Kubernetes have no sticky bit. Ruby and others do not use a world-writable directory without it as a temporary
# directory.
private=$tmp/kgents
cd "$work" && mkdir -m 1777 "$private" && mkfifo "$run/wait" "$run/done" && : >"$run/stdout" && : >"$run/stderr" || exit 125
# Rename the FIFO only after it is open. A write before that would be lost, and the code would never start.
exec 4<>"$run/wait" && mv "$run/wait" "$run/go" || exit 125
read -r _ <&4
exec 4<&-

# Kills all processes except PID 1 and this shell. Does nothing outside of a cell (in a test), where it would kill all
# processes of the user. SIGCONT resumes PID 1, which stays stopped if the code attached to it with ptrace.
kill_all() { [ "$PPID" -ne 0 ] || { kill -9 -1; kill -CONT 1; } 2>/dev/null; }

# Hundredths of a second since the node booted. Unlike the wall clock, nobody can set this clock.
now() {
  at=; read -r at _ </proc/uptime
  case $at in *.??) at=$((\${at%.*} * 100 + 1\${at#*.} - 100)) ;; *) at=0 ;; esac
}

stop() {
  [ -e "$run/exit" ] && return
  echo "$1" >"$run/reason"
  kill_all
}

# Whether processes of the code remain. They have become children of PID 1. Processes of an exec, such as the worker's
# collection of output, are not children of PID 1.
leftovers() {
  [ "$PPID" -eq 0 ] || return 1
  for status in /proc/[0-9]*/status; do
    parent=
    while read -r key value _; do
      case $key in State:) state=$value ;; Pid:) pid=$value ;; PPid:) parent=$value; break ;; esac
    done 2>/dev/null <"$status"
    [ "$parent" = 1 ] && [ "$state" != Z ] && [ "$pid" != "$clock" ] && [ "$pid" != "$meter" ] && return 0
  done
  return 1
}

( sleep "$seconds"; stop timed-out ) & clock=$!

( while sleep 1; do
    # /dev/termination-log is a file of the node that the container can write and the kubelet does not count.
    du -sk "$work" "$tmp" /dev/termination-log 2>/dev/null | {
      total=0
      while read -r size _; do total=$((total + size)); done
      [ "$total" -le "$disk" ]
    } || stop disk-limit
    if ! du -k "$run/stdout" "$run/stderr" 2>/dev/null | {
      while read -r size _; do [ "$size" -le "$output" ] || exit 1; done
    }; then
      stop output-limit
    elif ! du -sk "$run" 2>/dev/null | {
      # The streams and stdin, and files that the code may have written to the run directory.
      read -r size _ && [ "$size" -le $((disk + 2 * output)) ]
    }; then
      stop disk-limit
    fi
  done ) & meter=$!

input=$run/stdin; [ -e "$input" ] || input=/dev/null
# Run the code in the foreground: a shell without job control starts background commands with SIGINT ignored, and the code
# would inherit that. The shell's own message about the end of the code tells signal n from an exit with 128 + n.
exec 2>"$run/said"
# The file size limit protects the node's disk even if the code has killed the meter.
# The code runs at low priority, so that the supervisor and execs get enough of the cell's cpu to end a fork bomb.
low=; command -v nice >/dev/null 2>&1 && low="nice -n 19"
now; begun=$at
( ulimit -f $((2 * (disk + output))) 2>/dev/null
  ${limitCommand(`$((processes + ${ownProcesses}))`)} || exit 126
  exec $low env -i PATH="$PATH" HOME="$work" LANG=C.UTF-8 TMPDIR="$private" sh -c "$start" sh "$run/command"
) <"$input" >>"$run/stdout" 2>>"$run/stderr"
code=$?
how=exit
exec 2>/dev/null
now; echo "$((at - begun))0" >"$run/elapsed"
# Shells print no message for SIGINT, SIGPIPE and SIGTERM, because a user at a terminal usually causes them. bash prints none
# for any signal in a script.
case $code in
  130 | 141 | 143) how=signal ;;
  129 | 1[3-8]? | 19[0-2]) [ -s "$run/said" ] || [ -n "\${BASH_VERSION-}" ] && how=signal ;;
esac
# Code that ended by itself just before a stop was not stopped: its exit code is not 137.
reason=; [ "$code" -eq 137 ] && [ -e "$run/reason" ] && read -r reason <"$run/reason"

# Do not use read after this: if a process ends while its status file is read, bash keeps the rest for the next read.
for _ in 1 2 3 4 5 6 7 8 9 10; do leftovers || break; kill_all; sleep 0.1; done
echo "$code $how $reason" >"$run/exit.new" && mv "$run/exit.new" "$run/exit"

# From here on, exit at once when the pod is deleted.
trap 'exit "$code"' TERM
( sleep "$grace"; : >"$run/collected" ) &
# Opening a FIFO for reading and writing never blocks, and wakes readers that block in open.
until [ -e "$run/collected" ]; do true 1<>"$run/done"; sleep 0.1; done
exit "$code"
`;

/** The settings of a cell's supervisor. */
export interface SupervisorSettings {
  /** Holds the delivery, the streams and the marker. Must not contain the code's own directories. */
  readonly runDirectory: string;
  /** The code's working directory and HOME. */
  readonly workDirectory: string;
  /** The code's TMPDIR. */
  readonly temporaryDirectory: string;
  /** Wall-clock time of the code, in milliseconds. */
  readonly timeout: number;
  /** The limit of the work and temporary directories together, in bytes. Checked every second. */
  readonly disk: number;
  /** The limit of one stream, in bytes. Checked every second. */
  readonly output: number;
  /** How long the container waits for its output to be collected, in seconds. */
  readonly grace: number;
  /** The limit of processes and threads of the code. */
  readonly processes: number;
}

/** The container's command. */
export const supervisorCommand = (settings: SupervisorSettings): string[] => [
  "sh",
  "-c",
  script,
  "kgents-supervisor",
  settings.runDirectory,
  settings.workDirectory,
  settings.temporaryDirectory,
  String(settings.timeout / 1000),
  String(Math.ceil(settings.disk / 1024)),
  String(Math.ceil(settings.output / 1024)),
  String(settings.grace),
  startScript,
  String(settings.processes),
];

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

/** Why the supervisor ended the code. */
export type SupervisorStop = "timed-out" | "disk-limit" | "output-limit";

const stops: readonly SupervisorStop[] = ["timed-out", "disk-limit", "output-limit"];

/** The content of the file `exit`. */
export interface ExitMarker {
  /** The code's exit code; 128 + n if signal n ended it. */
  readonly code: number;
  /** Whether a signal ended the code. The exit code alone is ambiguous: code can exit with a value above 128 itself. */
  readonly signalled: boolean;
  /** Why the supervisor ended the code; null if it did not. */
  readonly stopped: SupervisorStop | null;
}

/** Parses the file `exit`. Undefined if it is malformed: the code can overwrite it. */
export function parseExitMarker(text: string): ExitMarker | undefined {
  const match = /^(\d{1,3}) (exit|signal) ([a-z-]*)\n?$/.exec(text);
  if (!match || Number(match[1]) > 255) return undefined;
  const stopped = stops.find((stop) => stop === match[3]) ?? null;
  if (stopped === null && match[3] !== "") return undefined;
  return { code: Number(match[1]), signalled: match[2] === "signal", stopped };
}

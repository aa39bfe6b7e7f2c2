/**
 * The supervisor of a Kubernetes cell: a POSIX shell script, PID 1 of its pid namespace, so that no signal of the code kills it.
 *
 * How a run goes, with everything in the run directory:
 * 1. The supervisor makes the FIFO `done` and the empty files `stdout` and `stderr`, then the FIFO `go`, and waits.
 * 2. The worker delivers the input files into the work directory, `command` (see {@link renderCommandFile}) and, where there
 *    is any, `stdin`; then it makes the directory `started` and writes a line to `go`. A second delivery after a crash finds
 *    `started` and harms nothing; `go` is read once, however often it is written to.
 * 3. The code runs. Whoever wants its output follows the two files by offset, and reads `done` to be woken at the end.
 * 4. When it has ended, whatever it left running is killed, and `exit` appears: see {@link parseExitMarker}. Beside it `elapsed`
 *    says how long the code ran, in milliseconds.
 * 5. The worker collects and makes the file `collected`. Then, or when the grace is over, the container ends with the
 *    code's own exit code.
 *
 * The run directory is the code's as well: it has the same uid. It can spoil its own output and its own marker, and it can
 * kill the watchdogs; the worker's clock and the kubelet's limits stand behind them. Its processes are bounded by RLIMIT_NPROC, which
 * counts what the cell's user id has on the node: the supervisor and who comes by exec have more room than the code. By ptrace it can stop the supervisor or
 * end it, and the cell with it.
 *
 * @module
 */
import { shellQuote } from "../text/shell-quote.ts";

/** Processes of the supervisor and of those who come by exec, which count for the same user as the code's. */
const ownProcesses = 16;
/** How many more of those may be started when the code has used up what it may have. */
const spareProcesses = 48;

/** The exit code of a supervisor whose shell cannot limit processes. */
export const noProcessLimitExit = 122;

/**
 * Shell words that bound the processes of a cell's user, once for all that the shell starts: bash calls the limit -u, dash and
 * busybox -p. False where the shell knows neither.
 */
const limitCommand = (processes: string): string => `{ ulimit -u ${processes} || ulimit -p ${processes}; } 2>/dev/null`;

/** The same for a program that comes into a cell by exec, of whose code `processes` are allowed. */
export const execLimitCommand = (processes: number): string =>
  limitCommand(String(processes + ownProcesses + spareProcesses));

/**
 * Variables that shells set, read or make read-only themselves: they are given by env(1), which needs them on its command line.
 */
const shellVariables =
  `_ BASH BASHOPTS BASHPID BASH_ALIASES BASH_ARGC BASH_ARGV BASH_ARGV0 BASH_CMDS BASH_COMMAND BASH_COMPAT BASH_EXECUTION_STRING
   BASH_LINENO BASH_MONOSECONDS BASH_REMATCH BASH_SOURCE BASH_SUBSHELL BASH_TRAPSIG BASH_VERSINFO BASH_VERSION BASH_XTRACEFD
   DIRSTACK EPOCHREALTIME EPOCHSECONDS EUID FUNCNAME FUNCNEST GLOBIGNORE GROUPS HISTCMD HISTFILESIZE HISTSIZE IFS LINENO OLDPWD
   OPTARG OPTERR OPTIND PATH PIPESTATUS PPID PWD RANDOM SECONDS SHELLOPTS SHLVL SRANDOM UID`.split(/\s+/);
const isShellVariable = (name: string): boolean => shellVariables.includes(name);

/**
 * Starts the code in a shell of its own that has a clean environment. Variables are exported from the file `command`, and not
 * given on a command line, which the whole node can read. What a shell complains of a variable (a locale that the image lacks) is
 * no output of the code.
 */
const startScript = `. "$1" 2>/dev/null || exit 126
while case \${1%%=*} in "$1" | ${shellVariables.join(" | ")}) false ;; esac; do export "$1"; shift; done
exec env -u PWD -u OLDPWD -u SHLVL -u _ "$@"`;

// Kubernetes expands `$(NAME)` in a container's command where it knows the name, and turns two dollars into one: none of
// the latter in here. Nothing beyond POSIX, dash and busybox: no `local`, no `wait -n`, no `read -t`.
const script = `run=$1 work=$2 tmp=$3 seconds=$4 disk=$5 output=$6 grace=$7 start=$8 processes=$9
umask 022
# Where the code has used up what it may have, the supervisor can still start its own; and code that gets hold of it wins little.
${limitCommand(`$((processes + ${ownProcesses + spareProcesses}))`)} || exit ${noProcessLimitExit}
# Kubernetes gives a volume no sticky bit, without which Ruby and others do not trust a directory that all can write.
private=$tmp/kgents
cd "$work" && mkdir -m 1777 "$private" && mkfifo "$run/wait" "$run/done" && : >"$run/stdout" && : >"$run/stderr" || exit 125
# It has its name only once it is open: what is written before that would be lost, and the code never start.
exec 4<>"$run/wait" && mv "$run/wait" "$run/go" || exit 125
read -r _ <&4
exec 4<&-

# Everything but PID 1 and the killer itself. Outside of a cell (in a test) that would be everything of the user. Code that
# attaches to PID 1 as a debugger leaves it stopped.
kill_all() { [ "$PPID" -ne 0 ] || { kill -9 -1; kill -CONT 1; } 2>/dev/null; }

# Hundredths of a second since the node was started; no clock that anybody sets.
now() {
  at=; read -r at _ </proc/uptime
  case $at in *.??) at=$((\${at%.*} * 100 + 1\${at#*.} - 100)) ;; *) at=0 ;; esac
}

stop() {
  [ -e "$run/exit" ] && return
  echo "$1" >"$run/reason"
  kill_all
}

# Whether the code left processes: they became children of PID 1. Collectors did not, they came in from outside.
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
    # The last is a file of the node that every container can write, and that the kubelet does not count.
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
      # The streams and stdin, with which the code may have put what is its own.
      read -r size _ && [ "$size" -le $((disk + 2 * output)) ]
    }; then
      stop disk-limit
    fi
  done ) & meter=$!

input=$run/stdin; [ -e "$input" ] || input=/dev/null
# In the foreground: a shell without job control starts background commands with SIGINT ignored, and the code would be so.
# What the shell itself says of the code's end tells signal n from an exit with 128 + n.
exec 2>"$run/said"
# The size of a file is bounded also where the code has killed the meter: it lies on the node's disk.
# Of the cell's share of a processor the supervisor, and whoever comes by exec, gets what it needs to end a fork bomb.
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
# Of SIGINT, SIGPIPE and SIGTERM shells say nothing: a person at a terminal caused them. bash says nothing of any in here.
case $code in
  130 | 141 | 143) how=signal ;;
  129 | 1[3-8]? | 19[0-2]) [ -s "$run/said" ] || [ -n "\${BASH_VERSION-}" ] && how=signal ;;
esac
# Code that ended by itself in the very moment of a stop was not stopped.
reason=; [ "$code" -eq 137 ] && [ -e "$run/reason" ] && read -r reason <"$run/reason"

# No read after this one: of a process that goes away while it is read, bash keeps the rest for whatever is read next.
for _ in 1 2 3 4 5 6 7 8 9 10; do leftovers || break; kill_all; sleep 0.1; done
echo "$code $how $reason" >"$run/exit.new" && mv "$run/exit.new" "$run/exit"

# Whoever takes the pod away from here on need not wait.
trap 'exit "$code"' TERM
( sleep "$grace"; : >"$run/collected" ) &
# To open a FIFO for both never waits, and wakes whoever waits to read it.
until [ -e "$run/collected" ]; do true 1<>"$run/done"; sleep 0.1; done
exit "$code"
`;

/** What the supervisor of one cell is told. */
export interface SupervisorSettings {
  /** Where delivery, streams and marker are; the code's own directories must not be within it. */
  readonly runDirectory: string;
  /** Where the code runs, and its HOME. */
  readonly workDirectory: string;
  /** The code's TMPDIR. */
  readonly temporaryDirectory: string;
  /** Wall-clock time of the code, in milliseconds. */
  readonly timeout: number;
  /** What the work and the temporary directory may take together, in bytes; looked at each second. */
  readonly disk: number;
  /** What one stream may take, in bytes; looked at each second. */
  readonly output: number;
  /** How long the container waits for its output to be collected, in seconds. */
  readonly grace: number;
  /** Processes and threads that the code may have at once. */
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
 * The file `command` that a delivery brings: what to run, quoted so that every byte of arguments and variables arrives as it
 * is. They may hold secrets, which is why they stand neither in the manifest nor in an exec's command line.
 *
 * @param command the program and its arguments; the program's name holds no `=`, which env(1) would take for a variable
 */
export const renderCommandFile = (
  command: readonly string[],
  environment: Readonly<Record<string, string>>,
): string => {
  const names = Object.keys(environment);
  // The supervisor exports those that come before the first of the shell's own.
  const ordered = [...names.filter((name) => !isShellVariable(name)), ...names.filter(isShellVariable)];
  const variables = ordered.map((name) => `${name}=${environment[name]}`);
  return `set -- ${[...variables, ...command].map(shellQuote).join(" ")}\n`;
};

/** Why the supervisor ended the code. */
export type SupervisorStop = "timed-out" | "disk-limit" | "output-limit";

const stops: readonly SupervisorStop[] = ["timed-out", "disk-limit", "output-limit"];

/** What the file `exit` says. */
export interface ExitMarker {
  /** The code's exit code; 128 + n where signal n ended it. */
  readonly code: number;
  /** Whether a signal ended it: a code above 128 alone may be the code's own. */
  readonly signalled: boolean;
  /** Why the supervisor ended it, if it did. */
  readonly stopped: SupervisorStop | null;
}

/** Reads the file `exit`. Undefined where the code has spoilt it. */
export function parseExitMarker(text: string): ExitMarker | undefined {
  const match = /^(\d{1,3}) (exit|signal) ([a-z-]*)\n?$/.exec(text);
  if (!match || Number(match[1]) > 255) return undefined;
  const stopped = stops.find((stop) => stop === match[3]) ?? null;
  if (stopped === null && match[3] !== "") return undefined;
  return { code: Number(match[1]), signalled: match[2] === "signal", stopped };
}

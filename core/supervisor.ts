/**
 * The supervisor of a Kubernetes cell: a POSIX shell script, PID 1 of its pid namespace, so that no signal of the code kills it.
 *
 * How a run goes, with everything in the run directory:
 * 1. The supervisor makes the FIFO `done` and the empty files `stdout` and `stderr`, then the FIFO `go`, and waits.
 * 2. The worker delivers the input files into the work directory, `command` (see {@link renderCommandFile}) and, where there
 *    is any, `stdin`; then it makes the directory `started` and writes a line to `go`. A second delivery after a crash finds
 *    `started` and harms nothing; `go` is read once, however often it is written to.
 * 3. The code runs. Whoever wants its output follows the two files by offset, and reads `done` to be woken at the end.
 * 4. When it has ended, whatever it left running is killed, and `exit` appears: see {@link parseExitMarker}.
 * 5. The worker collects and makes the file `collected`. Then, or when the grace is over, the container ends with the
 *    code's own exit code.
 *
 * The run directory is the code's as well: it has the same uid. It can spoil its own output and its own marker, and it can
 * kill the watchdogs; the worker's clock and the kubelet's limits stand behind them. By ptrace it can stop the supervisor or
 * end it, and the cell with it.
 *
 * @module
 */
import { shellQuote } from "./shell-quote.ts";

// Kubernetes expands `$(NAME)` in a container's command where it knows the name, and turns two dollars into one: none of
// the latter in here. Nothing beyond POSIX, dash and busybox: no `local`, no `wait -n`, no `read -t`.
const script = `run=$1 work=$2 tmp=$3 seconds=$4 disk=$5 output=$6 grace=$7
cd "$work" && mkfifo "$run/wait" "$run/done" && : >"$run/stdout" && : >"$run/stderr" || exit 125
# It has its name only once it is open: what is written before that would be lost, and the code never start.
exec 4<>"$run/wait" && mv "$run/wait" "$run/go" || exit 125
read -r _ <&4
exec 4<&-

# Everything but PID 1 and the killer itself. Outside of a cell (in a test) that would be everything of the user. Code that
# attaches to PID 1 as a debugger leaves it stopped.
kill_all() { [ "$PPID" -ne 0 ] || { kill -9 -1; kill -CONT 1; } 2>/dev/null; }

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
( . "$run/command" || exit
  ulimit -f $((2 * (disk + output))) 2>/dev/null
  exec env -i PATH="$PATH" HOME="$work" LANG=C.UTF-8 TMPDIR="$tmp" "$@"
) <"$input" >>"$run/stdout" 2>>"$run/stderr"
code=$?
how=exit
exec 2>/dev/null
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
  const variables = Object.entries(environment).map(([name, value]) => `${name}=${value}`);
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

/**
 * The supervisor of a Kubernetes cell: a POSIX shell script. It is PID 1 of its pid namespace, so the code cannot kill
 * it with a signal. It runs one program, or several programs one after another.
 *
 * Each program has a directory of its own. In a cell of one program it is the run directory itself, as in cells of
 * kgents 0.1.0; in a cell of many programs program `n` has the subdirectory `n`: see {@link programDirectory}. The steps
 * of a program; all files are in its directory unless stated otherwise:
 * 1. The supervisor creates the FIFO `done`, the empty files `stdout` and `stderr`, then the FIFO `go`, and waits.
 * 2. The worker delivers the input files into the work directory, and `timeout`, `command` (see
 *    `command-file.ts`) and, if there is any, `stdin`. Then it creates the directory `started`, which claims the
 *    start, and writes a line to `go`. A second delivery after a crash finds `started` and has no effect.
 * 3. The code runs. A worker follows its output by reading the two files by offset, and reads `done` to be notified of
 *    the end.
 * 4. When the code has ended, its remaining processes are killed and `exit` appears: see `exit-marker.ts`. The
 *    file `elapsed` holds the code's run time in milliseconds.
 * 5. The worker collects the output. To release the cell, it creates the file `collected` in the run directory.
 *
 * A cell of one program then exits with the code's own exit code, also if nothing was collected within the grace period.
 *
 * A cell of many programs prepares program `n + 1` as soon as program `n` has ended, and exits with 0 when it is
 * released, or when its lifetime is over and the output of its last program was kept for the grace period. In it:
 * - The file `current` of the run directory holds the number of the program that runs, or that is waited for.
 * - The output of program `n` is kept until the delivery of a later one begins. Whoever asks for it later learns that it
 *   is gone: its result is `lost`.
 * - A number may be left out: whoever asks for a later program claims the waiting one and writes `refused` into its
 *   directory, so that it is never started.
 * - The directory of a program is created when every process of earlier programs was killed, and everything else that
 *   these left in the run directory is removed. So no program can claim or prepare the start of a later one.
 * - Everything outside of the run directory stays. `counters` holds the kernel's counters at the start of a program, if
 *   another one ran before it.
 *
 * A cell for a session is one of many programs in which nothing is killed between them. In it:
 * - The file `process` holds the number of the program's process. The folder `kernels` is there if it is a call of the
 *   kernel.
 * - At its time limit a program is interrupted, which the file `interrupted` says, with the reason; and if it has not
 *   ended two seconds later, every process of the cell is killed, which `killed` says. A worker does the same.
 * - Code that runs between programs can do everything that the code of a program can, such as prepare a later one. What
 *   it wins is a lie about its own session.
 *
 * The code has the same uid as the supervisor, so it can write to the run directory. It can corrupt its own output and
 * marker, and it can kill the watchdogs; the worker's clock and the kubelet's limits still apply. In a cell of many
 * programs it can also pretend, by `current`, that it is not the current program. The worker's clock then does not end
 * it, and later programs are lost, until the release of the cell or its deadline ends all. RLIMIT_NPROC bounds its
 * processes. That limit counts all processes of the cell's user id on the node, so the supervisor and execs have a
 * higher limit than the code. With ptrace the code can stop or end the supervisor, and the cell with it; and it can hide
 * a process in an exec session, where the next program may find it.
 *
 * @module
 */
import type { CellShape } from "../contract/cell-shape.ts";
import { startScript } from "./command-file.ts";
import { interruptFunction, interruptSeconds } from "./interrupt-program.ts";

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
 * Shell commands that set `kills`, `peak` and `cpu` to the kernel's counters of the cell: processes killed for memory,
 * the highest memory use in bytes, and CPU time in microseconds. Empty if unknown.
 */
export const readCounters = `group=/sys/fs/cgroup kills= peak= cpu=
if [ -e $group/memory.events ]; then
  while read -r key value; do [ "$key" = oom_kill ] && kills=$value; done <$group/memory.events
  read -r peak <$group/memory.peak
  while read -r key value; do [ "$key" = usage_usec ] && cpu=$value; done <$group/cpu.stat
else
  while read -r key value; do [ "$key" = oom_kill ] && kills=$value; done <$group/memory/memory.oom_control
  read -r peak <$group/memory/memory.max_usage_in_bytes
  read -r value <$group/cpuacct/cpuacct.usage && cpu=$((value / 1000))
fi`;

// Kubernetes expands `$(NAME)` in a container's command if it knows the name, and turns two dollars into one. The
// script must not contain two dollars in a row. It is limited to what POSIX, dash and busybox support: no `local`, no
// `wait -n`, no `read -t`.
const script = `run=$1 work=$2 tmp=$3 lifetime=$4 disk=$5 output=$6 grace=$7 start=$8 processes=$9 programs=\${10}
umask 022
# The supervisor's limit is higher than the code's, so it can start processes when the code has reached its own. It is not
# unlimited, in case the code takes over the supervisor.
${limitCommand(`$((processes + ${ownProcesses + spareProcesses}))`)} || exit ${noProcessLimitExit}
# Volumes in Kubernetes have no sticky bit. Ruby and others do not use a world-writable directory without it as a temporary
# directory.
private=$tmp/kgents
cd "$work" && mkdir -m 1777 "$private" || exit 125

# Creates the files of a program. Renames the FIFO only after it is open. A write before that would be lost, and the code
# would never start.
prepare() {
  mkfifo "$dir/wait" "$dir/done" && : >"$dir/stdout" && : >"$dir/stderr" &&
    exec 4<>"$dir/wait" && mv "$dir/wait" "$dir/go"
}

# Kills all processes except PID 1 and this shell. Does nothing outside of a cell (in a test), where it would kill all
# processes of the user. SIGCONT resumes PID 1, which stays stopped if the code attached to it with ptrace.
kill_all() { [ "$PPID" -ne 0 ] || { kill -9 -1; kill -CONT 1; } 2>/dev/null; }

# Sets at: hundredths of a second since the node booted. Unlike the wall clock, nobody can set this clock.
now() {
  at=; read -r at _ </proc/uptime
  case $at in *.??) at=$((\${at%.*} * 100 + 1\${at#*.} - 100)) ;; *) at=0 ;; esac
}

# Sets seconds: the argument of sleep for $1 milliseconds. Whole seconds have no fraction, which not every sleep accepts.
in_seconds() {
  seconds=$(($1 / 1000))
  [ $(($1 % 1000)) -eq 0 ] || seconds=$seconds.$(($1 % 1000 / 100))$(($1 % 100 / 10))$(($1 % 10))
}

# Sets left: milliseconds of the cell's lifetime.
remaining() {
  now
  left=$((over - at * 10)); [ "$left" -ge 0 ] || left=0
}

# Ends the program for the reason $1.
stop() {
  [ -e "$dir/exit" ] && return
  echo "$1" >"$dir/reason"
  : >"$dir/killed"
  kill_all
}

${interruptFunction}

# Whether processes of the code remain. They have become children of PID 1. Processes of an exec, such as the worker's
# collection of output, are not children of PID 1.
# Call it in a subshell: if a process ends while its status file is read, bash keeps the rest for the next read.
leftovers() {
  [ "$PPID" -eq 0 ] || return 1
  read -r self _ </proc/self/stat
  for status in /proc/[0-9]*/status; do
    parent=
    while read -r key value _; do
      case $key in State:) state=$value ;; Pid:) pid=$value ;; PPid:) parent=$value; break ;; esac
    done 2>/dev/null <"$status"
    [ "$parent" = 1 ] && [ "$state" != Z ] || continue
    case $pid in "$self" | "$clock" | "$meter") ;; *) return 0 ;; esac
  done
  return 1
}

# Sleeps for $1 seconds in a watchdog. After SIGTERM a watchdog ends, and its sleep before it: that would otherwise be
# taken for a process of the code. The signal may come before nap is set.
on_term='end=yes; kill -9 $nap'
doze() {
  nap=; sleep "$1" & nap=$!
  [ -z "$end" ] || kill -9 $nap
  wait $nap && return
  [ -z "$end" ] || { wait $nap; exit; }
  return 1
}

# Ends watchdogs.
unwatch() { { kill -TERM "$@"; kill -CONT "$@"; wait "$@"; } 2>/dev/null; }

# Starts the watchdogs of a program: its clock, and the meter of its files and streams.
watch() {
  ( end=; exec 2>/dev/null; trap "$on_term" TERM
    doze "$seconds"
    if [ "$programs" = session ]; then
      echo "$why" >"$dir/interrupted"
      interrupt "$dir"
      doze ${interruptSeconds}
    fi
    stop "$why" ) & clock=$!

  ( end=; exec 2>/dev/null; trap "$on_term" TERM
    while doze 1; do
      # /dev/termination-log is a file of the node that the container can write and the kubelet does not count.
      du -sk "$work" "$tmp" /dev/termination-log 2>/dev/null | {
        total=0
        while read -r size _; do total=$((total + size)); done
        [ "$total" -le "$disk" ]
      } || stop disk-limit
      if ! du -k "$dir/stdout" "$dir/stderr" 2>/dev/null | {
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
}

# Removes what programs have left in the run directory, except for the directory of program n, which has just ended.
tidy() {
  for entry in "$run"/* "$run"/.[!.]* "$run"/..?*; do
    case \${entry##*/} in
      collected | "$n") ;;
      current) [ -f "$entry" ] && [ ! -L "$entry" ] || rm -rf "$entry" ;;
      *) [ ! -e "$entry" ] && [ ! -L "$entry" ] || rm -rf "$entry" || { chmod -R u+rwx "$entry"; rm -rf "$entry"; } ;;
    esac
  done
}

# Runs the program whose directory is dir, until it and its processes have ended. Sets code.
run_program() {
  timeout=$lifetime why=timed-out
  [ -f "$dir/timeout" ] && read -r timeout <"$dir/timeout"
  if [ "$programs" != one ]; then
    remaining
    [ "$timeout" -le "$left" ] || timeout=$left why=lifetime-over
  fi
  in_seconds "$timeout"
  watch
  input=$dir/stdin; [ -e "$input" ] || input=/dev/null
  # Run the code in the foreground: a shell without job control starts background commands with SIGINT ignored, and the
  # code would inherit that. The shell's own message about the end of the code tells signal n from an exit with 128 + n.
  exec 2>"$dir/said"
  # The file size limit protects the node's disk even if the code has killed the meter.
  # The code runs at low priority, so that the supervisor and execs get enough of the cell's cpu to end a fork bomb.
  low=; command -v nice >/dev/null 2>&1 && low="nice -n 19"
  now; begun=$at
  # A release that came just before has already killed all processes: nothing else would end the code.
  ( [ ! -e "$run/collected" ] || exit 137
    [ "$programs" != session ] || { read -r self _ </proc/self/stat && echo "$self" >"$dir/process"; }
    ulimit -f $((2 * (disk + output))) 2>/dev/null
    ${limitCommand(`$((processes + ${ownProcesses}))`)} || exit 126
    exec $low env -i PATH="$PATH" HOME="$work" LANG=C.UTF-8 TMPDIR="$private" sh -c "$start" sh "$dir/command"
  ) <"$input" >>"$dir/stdout" 2>>"$dir/stderr"
  code=$?
  how=exit
  exec 2>/dev/null
  now; elapsed=$((at - begun))0
  # Shells print no message for SIGINT, SIGPIPE and SIGTERM, because a user at a terminal usually causes them. bash prints
  # none for any signal in a script.
  case $code in
    130 | 141 | 143) how=signal ;;
    129 | 1[3-8]? | 19[0-2]) [ -s "$dir/said" ] || [ -n "\${BASH_VERSION-}" ] && how=signal ;;
  esac
  # Code that ended by itself just before a stop was not stopped: its exit code is not 137.
  reason=; [ "$code" -eq 137 ] && [ -f "$dir/reason" ] && read -r reason <"$dir/reason"
  by=
  if [ "$programs" = session ]; then
    if [ -e "$dir/killed" ]; then by=kill
    elif [ -f "$dir/interrupted" ]; then read -r reason <"$dir/interrupted"; by=interrupt
    fi
  fi

  if [ "$by" = kill ] || [ "$programs" != session ]; then
    for _ in 1 2 3 4 5 6 7 8 9 10; do ( leftovers ) || break; kill_all; sleep 0.1; done
  fi
  # Before the end is visible: whoever asks for the next program then finds nothing that code has put there for it.
  [ "$programs" = one ] || tidy
  # To write to a FIFO of the code would block the supervisor.
  rm -f "$dir/elapsed" "$dir/exit.new"
  echo "$elapsed" >"$dir/elapsed"
  echo "$code $how $reason\${by:+ $by}" >"$dir/exit.new" && mv "$dir/exit.new" "$dir/exit"
}

# Prepares program n of many.
open_program() {
  [ -d "$private" ] || mkdir -m 1777 "$private"
  rm -rf "$dir"
  mkdir "$dir" && echo "$n" >"$run/current" && prepare
}

# Waits until program n is to start, or never will. Sets next: run, skip, released or over.
await_program() {
  remaining; in_seconds "$left"
  ( end=; exec 2>/dev/null; trap "$on_term" TERM
    doze "$seconds"; : >"$dir/late"; echo 1<>"$dir/go" ) & idle=$!
  next=
  # A line in go only says that something may have changed.
  until [ -n "$next" ]; do
    if [ -e "$run/collected" ]; then next=released
    elif [ -e "$dir/refused" ]; then next=skip
    elif [ -d "$dir/started" ]; then next=run
    elif [ -e "$dir/late" ] && mkdir "$dir/started"; then
      echo "the lifetime of the cell is over" >"$dir/refused"
      next=over
    else read -r _ <&4
    fi
  done
  exec 4<&-
  unwatch "$idle"
}

# Wakes everyone who waits for the end of a program, also those who have just seen that it has not ended: the FIFO stays
# open until the next program, and each reader takes one line.
wake_followers() {
  [ -p "$dir/done" ] && exec 5<>"$dir/done" || return
  ( lines=0; while [ $((lines += 1)) -le 64 ]; do echo; done >&5 )
}

dir=$run code=0 last= clock= meter=
if [ "$programs" = one ]; then
  prepare || exit 125
  read -r _ <&4
  exec 4<&-
  run_program
else
  n=1 broken=125
  now; over=$((at * 10 + lifetime))
  while :; do
    dir=$run/$n
    # Twice: its tools may be killed while it prepares.
    open_program || open_program || exit "$broken"
    broken=1
    await_program
    case $next in
      run)
        exec 5<&-
        # Processes whose parent was an exec that has ended since.
        [ "$programs" = session ] || { ( clock= meter=; leftovers ) && kill_all; }
        if [ -n "$last" ]; then
          { ${readCounters}
          } 2>/dev/null
          echo "$kills,$peak,$cpu" >"$dir/counters"
        fi
        run_program
        wake_followers
        unwatch "$clock" "$meter"
        last=$n ;;
      # The script that has released the cell is still running in it.
      released) sleep 0.1; exit 0 ;;
      over) [ -n "$last" ] || exit 0; break ;;
    esac
    n=$((n + 1))
  done
  code=0 dir=$run/$last
fi

# From here on, exit at once when the pod is deleted.
trap 'exit "$code"' TERM
( sleep "$grace"; : >"$run/collected" ) &
# Opening a FIFO for reading and writing never blocks, and wakes readers that block in open.
until [ -e "$run/collected" ]; do true 1<>"$dir/done"; sleep 0.1; done
exit "$code"
`;

/** The settings of a cell's supervisor. */
export interface SupervisorSettings {
  /** Holds the deliveries, streams and markers. Must not contain the code's own directories. */
  readonly runDirectory: string;
  /** The code's working directory and HOME. */
  readonly workDirectory: string;
  /** The code's TMPDIR. */
  readonly temporaryDirectory: string;
  /** Whether the cell ends with its first program, or runs further ones, with or without the processes before them. */
  readonly programs: CellShape["programs"];
  /**
   * Wall-clock time in milliseconds: of one program from its start, unless its delivery contains another time limit; of
   * many programs and the pauses between them, from the start of the supervisor.
   */
  readonly lifetime: number;
  /** The limit of the work and temporary directories together, in bytes. Checked every second. */
  readonly disk: number;
  /** The limit of one stream, in bytes. Checked every second. */
  readonly output: number;
  /** How long the container waits for the output of its last program to be collected, in seconds. */
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
  String(settings.lifetime),
  String(Math.ceil(settings.disk / 1024)),
  String(Math.ceil(settings.output / 1024)),
  String(settings.grace),
  startScript,
  String(settings.processes),
  settings.programs,
];

/**
 * The directory of program `n`, relative to the run directory. In a cell of one program it is the run directory itself:
 * workers of 0.1.0 look there, and create such cells.
 */
export const programDirectory = (programs: CellShape["programs"], n: number): string =>
  programs === "one" ? "." : String(n);

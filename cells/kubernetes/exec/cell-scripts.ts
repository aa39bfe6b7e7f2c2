/**
 * The shell scripts that exec runs in a cell, next to the supervisor. See core/manifest/supervisor.ts for the files
 * they share.
 *
 * They use only POSIX and what busybox has. They write no messages to stderr, because it carries the code's stderr.
 *
 * @module
 */
import { cellDirectories, cellProcesses } from "#core/manifest/cell-pod";
import { interruptFunction, interruptSeconds } from "#core/manifest/interrupt-program";
import { execLimitCommand, readCounters } from "#core/manifest/supervisor";
import { backslash, passable, readable } from "../../files/output-patterns.ts";
import { maximumKernelResult } from "../../provider.ts";

const { run, work } = cellDirectories;

/** Exit codes of the scripts that have a meaning. */
export const scriptExit = {
  /** The program does not run. */
  notRunning: 118,
  /** A symbolic link is where a folder of the delivery should be. */
  linkInTheWay: 119,
  /** The tar of the delivery is incomplete or could not be unpacked. */
  delivery: 120,
  /** The image lacks a required program. */
  programMissing: 121,
  /** The directory of the program is not in the cell any more, and its output with it. */
  discarded: 123,
  /** The code has not ended. */
  notEnded: 124,
  /** The container is not a cell, or its supervisor did not start. */
  noCell: 125,
} as const;

/** Prefix of a first line that carries an error message instead of the start time. */
export const troubleMark = "!";

/** Why output was discarded, for people. */
export const discardedReason = "a later program has been started in its cell, which does not keep its output";

/**
 * Delivers the code unless that has been done, then follows both streams until the code has ended.
 *
 * Arguments: the program's directory; the current time; the first byte wanted of
 * stdout and of stderr (from 1). Stdin: a tar to be unpacked at the root, whose last entry is the command file. In a cell
 * of many programs a line comes before it: the folders of the work directory that lead to its files, as words of a
 * shell. First line of stdout: when the code was started.
 */
const followScript = `cd ${run} && exec 3>&2 2>/dev/null || exit ${scriptExit.noCell}
refuse() { echo "${troubleMark}$2"; exit "$1"; }
discarded() { refuse ${scriptExit.discarded} "${discardedReason}"; }
n=$1 here=${run}/$1
shift
# An earlier program may have made a folder a symbolic link that leads elsewhere.
find_link() { for link do [ ! -h "${work}/$link" ] || return 0; done; return 1; }
if [ "$n" != . ]; then
  # The supervisor prepares a program when the one before it has ended.
  tries=0
  until [ -d "$n/started" ] || [ -p "$n/go" ]; do
    current=; [ -f current ] && read -r current <current
    [ "\${current:-0}" -le "$n" ] || discarded
    if [ "\${current:-$n}" -lt "$n" ]; then
      if [ -p "$current/go" ] && mkdir "$current/started"; then
        # A number was left out. What may still be delivered under it must not arrive later.
        read -r other <"$current/delivery" && kill -9 "-$other"
        echo "a later program was asked for" >"$current/refused"
        echo 1<>"$current/go"
      elif [ -e "$current/exit" ] && [ "$tries" -eq 100 ]; then
        # Either the code has faked its end and still runs, or it has stopped the supervisor.
        kill -9 -1; kill -CONT 1
      fi
    fi
    [ $((tries += 1)) -le 200 ] || refuse ${scriptExit.noCell} "program \${current:-$n} of the cell has not ended"
    sleep 0.05
  done
  cd "$n" || discarded
fi
if [ ! -d started ]; then
  command -v tar >/dev/null || refuse ${scriptExit.programMissing} "the image has no tar"
  tries=0
  until [ -p go ]; do
    [ $((tries += 1)) -le 200 ] || refuse ${scriptExit.noCell} "the supervisor does not run"
    sleep 0.05
  done
  # The delivery of a worker that was considered dead may still arrive. It must not overwrite what the code has changed.
  read -r other <delivery && kill -9 "-$other"
  echo $$ >delivery
  # The output of earlier programs makes room for that of this one.
  [ "$n" = . ] || for old in ../[0-9]*; do [ "$old" = "../$n" ] || rm -rf "$old"; done
  if [ "$n" != . ]; then
    IFS= read -r folders
    ! eval "find_link $folders" || refuse ${scriptExit.linkInTheWay} "$link"
  fi
  why=$(tar -xf - -C / 2>&1) && [ -f command ] || refuse ${scriptExit.delivery} "$why"
  mkdir started && echo "$1" >started/at
fi
if [ "$n" != . ]; then
  [ -d started ] || discarded
  [ ! -f refused ] || { why=; read -r why <refused; refuse ${scriptExit.noCell} "$why"; }
fi
# Opening a FIFO for reading and writing never blocks. Also done for a worker that died after it had created "started".
echo 1<>go
at=; read -r at <started/at; echo "$at"
tail -c "+$2" -f stdout & out=$!
tail -c "+$3" -f stderr >&3 & err=$!
until [ -e exit ]; do
  [ -d "$here" ] || { kill $out $err; exit ${scriptExit.discarded}; }
  read -r _ <done || [ -e exit ] || sleep 0.05
done
kill $out $err
exit 0
`;

/**
 * Sends the output that the worker does not have yet, and the output files.
 *
 * Arguments: the program's directory; the bytes of stdout and of stderr that the
 * worker has, and the most bytes to send of each; the file in which the kernel says something of the call, empty if the
 * program is none; then the words of a `find` expression that selects output files.
 * Stdout: four lines (see `collect.ts`), the rest of stdout, what the kernel says up to a NUL, the files. Stderr: the
 * rest of stderr.
 */
const collectScript = `cd ${run} && exec 3>&2 2>/dev/null || exit ${scriptExit.noCell}
cd "$1" || exit ${scriptExit.discarded}
shift
tries=0
until [ -e exit ]; do
  [ $((tries += 1)) -le 40 ] || exit ${scriptExit.notEnded}
  sleep 0.05
done
IFS= read -r marker <exit; printf '%s\\n' "$marker"
${readCounters}
elapsed=; [ -f elapsed ] && read -r elapsed <elapsed
# In a cell of many programs, with the counters at the start of this one.
before=; [ -f counters ] && read -r before <counters
echo "$kills,$peak,$cpu,$elapsed,$before"
left() { size=$(wc -c <"$1") && n=$((size - $2)); [ "$n" -le "$3" ] || n=$3; [ "$n" -ge 0 ] || n=0; echo "$n"; }
out=$(left stdout "$1" "$3") err=$(left stderr "$2" "$4")
echo "$out"; echo "$err"
[ "$out" = 0 ] || tail -c "+$(($1 + 1))" stdout | head -c "$out"
[ "$err" = 0 ] || tail -c "+$(($2 + 1))" stderr | head -c "$err" >&3
result=$5
shift 5
if [ -n "$result" ]; then
  [ ! -f "$result" ] || head -c ${maximumKernelResult + 1} "$result"
  printf '\\0'
fi
[ $# -gt 0 ] || exit 0
cd ${work} && command -v find >/dev/null && command -v tar >/dev/null || exit ${scriptExit.programMissing}
# What it sends, and in which order: see collect-outputs.ts. Folders are made passable before they are entered.
find . -xdev \\( ${passable} -o \\( "$@" \\) \\( ! -type f -o -links +1 -o ${backslash} \\) -print0 \\)
searched=$?; printf '\\0'
find . -xdev -type f -links 1 ! ${backslash} \\( "$@" \\) -print0 || searched=1
printf '\\0%s\\0' $searched
find . -xdev -type f -links 1 ! ${backslash} \\( "$@" \\) ${readable} -exec tar -cf - --no-recursion {} +
exit 0
`;

/**
 * Kills every process except the supervisor, which then records how the code ended. SIGCONT resumes the supervisor if
 * the code has stopped it. Does nothing if another program of the cell has been prepared or runs.
 *
 * Argument: the program's directory.
 */
const killScript = `exec 2>/dev/null
current=; [ "$1" != . ] && [ -f ${run}/current ] && read -r current <${run}/current
[ "\${current:-$1}" = "$1" ] || exit 0
kill -9 -1; kill -CONT 1; exit 0`;

/**
 * Interrupts a program of a session. Argument: the program's directory.
 *
 * The code may have written the number of another process of its cell.
 */
const interruptScript = `cd ${run} && exec 2>/dev/null || exit ${scriptExit.noCell}
${interruptFunction}
current=; [ -f current ] && read -r current <current
[ "$current" = "$1" ] && [ -d "$1/started" ] || exit ${scriptExit.notRunning}
tries=0
until [ -s "$1/process" ] || [ "$tries" -eq 40 ]; do tries=$((tries + 1)); sleep 0.05; done
[ ! -e "$1/exit" ] && interrupt "$1" || exit ${scriptExit.notRunning}
`;

/**
 * Stops a program of a session: interrupts it, and kills every process except the supervisor if it does not end. Does
 * nothing if another program of the cell has been prepared or runs. Argument: the program's directory.
 */
const stopScript = `cd ${run} && exec 2>/dev/null || exit ${scriptExit.noCell}
${interruptFunction}
is_current() { current=; [ -f current ] && read -r current <current; [ "\${current:-$1}" = "$1" ]; }
is_current "$1" && [ ! -e "$1/exit" ] || exit 0
[ -e "$1/interrupted" ] || : >"$1/interrupted"
interrupt "$1"
tries=0
until [ -e "$1/exit" ] || [ "$tries" -eq ${interruptSeconds * 20} ]; do tries=$((tries + 1)); sleep 0.05; done
is_current "$1" && [ ! -e "$1/exit" ] || exit 0
: >"$1/killed"
kill -9 -1; kill -CONT 1; exit 0`;

/**
 * Tells the supervisor that the cell is released: everything was collected. Also kills code that faked its end and still
 * runs, and wakes a supervisor that waits for a further program.
 */
const releaseScript = `cd ${run} 2>/dev/null || exit ${scriptExit.noCell}; exec 2>/dev/null
: >collected; kill -9 -1; kill -CONT 1
for go in [0-9]*/go; do [ -p "$go" ] && echo 1<>"$go"; done
exit 0`;

// The limit comes first. Code can take over the script, which runs under the same user, and must be limited then, too.
const script = (text: string, ...args: readonly (string | number)[]): string[] => [
  ...["sh", "-c", `${execLimitCommand(cellProcesses)}\n${text}`, "kgents"],
  ...args.map(String),
];

/** The commands to run by exec. `directory` is that of the program: see `programDirectory`. */
export const cellScripts = {
  follow: (directory: string, now: Date, stored: { stdout: number; stderr: number }): string[] =>
    script(followScript, directory, now.toISOString(), stored.stdout + 1, stored.stderr + 1),
  collect: (
    directory: string,
    stored: { stdout: number; stderr: number },
    most: { stdout: number; stderr: number },
    kernelResult: string | null,
    patterns: readonly string[],
  ): string[] => {
    const words = patterns.flatMap((pattern, index) => [...(index === 0 ? [] : ["-o"]), "-path", pattern]);
    return script(
      collectScript,
      directory,
      stored.stdout,
      stored.stderr,
      most.stdout,
      most.stderr,
      kernelResult ?? "",
      ...words,
    );
  },
  kill: (directory: string): string[] => script(killScript, directory),
  stop: (directory: string): string[] => script(stopScript, directory),
  interrupt: (directory: string): string[] => script(interruptScript, directory),
  release: (): string[] => script(releaseScript),
} as const;

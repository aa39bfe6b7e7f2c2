/**
 * The shell scripts that exec runs in a cell, next to the supervisor. See core/manifest/supervisor.ts for the files
 * they share.
 *
 * They use only POSIX and what busybox has. They write no messages to stderr, because it carries the code's stderr.
 *
 * @module
 */
import { cellDirectories, cellProcesses } from "#core/manifest/cell-pod";
import { execLimitCommand } from "#core/manifest/supervisor";
import { backslash, passable, readable } from "../../files/output-patterns.ts";

const { run, work } = cellDirectories;

/** Exit codes of the scripts that have a meaning. */
export const scriptExit = {
  /** The tar of the delivery is incomplete or could not be unpacked. */
  delivery: 120,
  /** The image lacks a required program. */
  programMissing: 121,
  /** The code has not ended. */
  notEnded: 124,
  /** The container is not a cell, or its supervisor did not start. */
  noCell: 125,
} as const;

/** Prefix of a first line that carries an error message instead of the start time. */
export const troubleMark = "!";

/**
 * Delivers the code unless that has been done, then follows both streams until the code has ended.
 *
 * Arguments: the current time, the first byte wanted of stdout and of stderr (from 1). Stdin: a tar to be unpacked at
 * the root, whose last entry is the command file. First line of stdout: when the code was started.
 */
const followScript = `cd ${run} && exec 3>&2 2>/dev/null || exit ${scriptExit.noCell}
refuse() { echo "${troubleMark}$2"; exit "$1"; }
if [ ! -d started ]; then
  command -v tar >/dev/null || refuse ${scriptExit.programMissing} "the image has no tar"
  tries=0
  until [ -p go ]; do
    [ $((tries += 1)) -le 200 ] || refuse ${scriptExit.noCell} "the supervisor does not run"
    sleep 0.05
  done
  # The delivery of a worker that was taken for dead may still come: it must not overwrite what the code has changed.
  read -r other <delivery && kill -9 "-$other"
  echo $$ >delivery
  why=$(tar -xf - -C / 2>&1) && [ -f command ] || refuse ${scriptExit.delivery} "$why"
  mkdir started && echo "$1" >started/at
fi
# For both, so that it never waits. Once more after a worker that died between the two steps.
echo 1<>go
at=; read -r at <started/at; echo "$at"
tail -c "+$2" -f stdout & out=$!
tail -c "+$3" -f stderr >&3 & err=$!
until [ -e exit ]; do read -r _ <done || [ -e exit ] || sleep 0.05; done
kill $out $err
exit 0
`;

/**
 * Sends the output that the worker does not have yet, and the output files.
 *
 * Arguments: the bytes of stdout and of stderr that the worker has, and the most bytes to send of each; then the words
 * of a `find` expression that selects output files. Stdout: four lines (see `collect.ts`), the rest of stdout, the
 * files. Stderr: the rest of stderr.
 */
const collectScript = `cd ${run} && exec 3>&2 2>/dev/null || exit ${scriptExit.noCell}
tries=0
until [ -e exit ]; do
  [ $((tries += 1)) -le 40 ] || exit ${scriptExit.notEnded}
  sleep 0.05
done
IFS= read -r marker <exit; printf '%s\\n' "$marker"
group=/sys/fs/cgroup kills= peak= cpu=
if [ -e $group/memory.events ]; then
  while read -r key value; do [ "$key" = oom_kill ] && kills=$value; done <$group/memory.events
  read -r peak <$group/memory.peak
  while read -r key value; do [ "$key" = usage_usec ] && cpu=$value; done <$group/cpu.stat
else
  while read -r key value; do [ "$key" = oom_kill ] && kills=$value; done <$group/memory/memory.oom_control
  read -r peak <$group/memory/memory.max_usage_in_bytes
  read -r value <$group/cpuacct/cpuacct.usage && cpu=$((value / 1000))
fi
elapsed=; [ -f elapsed ] && read -r elapsed <elapsed
echo "$kills,$peak,$cpu,$elapsed"
left() { size=$(wc -c <"$1") && n=$((size - $2)); [ "$n" -le "$3" ] || n=$3; [ "$n" -ge 0 ] || n=0; echo "$n"; }
out=$(left stdout "$1" "$3") err=$(left stderr "$2" "$4")
echo "$out"; echo "$err"
tail -c "+$(($1 + 1))" stdout | head -c "$out"
tail -c "+$(($2 + 1))" stderr | head -c "$err" >&3
shift 4
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
 * the code has stopped it.
 */
const killScript = "kill -9 -1; kill -CONT 1; exit 0";

/** Tells the supervisor that everything was collected. Also kills code that faked its end and still runs. */
const releaseScript = `cd ${run} 2>/dev/null || exit ${scriptExit.noCell}; : >collected; kill -9 -1; kill -CONT 1; exit 0`;

// The limit comes first. Code can take over the script, which runs under the same user, and must be limited then, too.
const script = (text: string, ...args: readonly (string | number)[]): string[] => [
  ...["sh", "-c", `${execLimitCommand(cellProcesses)}\n${text}`, "kgents"],
  ...args.map(String),
];

/** The commands to run by exec. */
export const cellScripts = {
  follow: (now: Date, stored: { stdout: number; stderr: number }): string[] =>
    script(followScript, now.toISOString(), stored.stdout + 1, stored.stderr + 1),
  collect: (
    stored: { stdout: number; stderr: number },
    most: { stdout: number; stderr: number },
    patterns: readonly string[],
  ): string[] => {
    const words = patterns.flatMap((pattern, index) => [...(index === 0 ? [] : ["-o"]), "-path", pattern]);
    return script(collectScript, stored.stdout, stored.stderr, most.stdout, most.stderr, ...words);
  },
  kill: (): string[] => script(killScript),
  release: (): string[] => script(releaseScript),
} as const;

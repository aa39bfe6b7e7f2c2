/**
 * The shell scripts that exec runs in a cell, beside the supervisor: see core/manifest/supervisor.ts for the files they share.
 *
 * Nothing beyond POSIX and what busybox has. Their own stderr is not used for words: it carries the code's.
 *
 * @module
 */
import { cellDirectories, cellProcesses } from "#core/manifest/cell-pod";
import { execLimitCommand } from "#core/manifest/supervisor";
import { backslash, passable, readable } from "../../files/output-patterns.ts";

const { run, work } = cellDirectories;

/** Exit codes of the scripts that mean something. */
export const scriptExit = {
  /** The tar of the delivery did not come whole, or could not be unpacked. */
  delivery: 120,
  /** The image lacks a program that is needed. */
  programMissing: 121,
  /** The code has not ended. */
  notEnded: 124,
  /** This is no cell, or its supervisor did not start. */
  noCell: 125,
} as const;

/** What begins a first line that is no time but says why nothing was started. */
export const troubleMark = "!";

/**
 * Delivers, unless that was done, and follows both streams until the code has ended.
 *
 * Arguments: the time now, the first byte wanted of stdout and of stderr (from 1). Stdin: a tar, unpacked at the root, that
 * brings the command file last. First line of stdout: when the code was started.
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
 * Sends what the worker does not have yet, and the output files.
 *
 * Arguments: bytes of stdout and of stderr that are there already, and how many more are wanted at most of each; then the
 * words of a `find` expression that selects output files. Stdout: four lines (see `collect.ts`), the rest of stdout, the
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

/** Kills everything but the supervisor, which then says how the code ended, also where the code has stopped it. */
const killScript = "kill -9 -1; kill -CONT 1; exit 0";

/** Says that everything was collected; and ends code that has lied about its end, and runs. */
const releaseScript = `cd ${run} 2>/dev/null || exit ${scriptExit.noCell}; : >collected; kill -9 -1; kill -CONT 1; exit 0`;

// Before anything else: code that gets hold of the script, whose user it shares, is bounded all the same.
const script = (text: string, ...args: readonly (string | number)[]): string[] => [
  ...["sh", "-c", `${execLimitCommand(cellProcesses)}\n${text}`, "kgents"],
  ...args.map(String),
];

/** The commands to be run by exec. */
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

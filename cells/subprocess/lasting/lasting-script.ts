/**
 * The scripts of a supervisor that serves many programs, one after another: its own, which stays, and one for each
 * program, which it reads from a pipe.
 *
 * @module
 */
import type { CellShape } from "#core/contract/cell-shape";
import { shellQuote } from "#core/text/shell-quote";
import { symbolicLinkInTheWay } from "../../files/folders-line.ts";
import {
  collection,
  directStart,
  endIfKilled,
  execution,
  isFirst,
  kernelReport,
  killLeftovers,
  programStart,
  quoted,
  type SupervisorPlan,
  startsAgain,
} from "../sandbox/program-script.ts";
import { descriptors, exchangeDirectory, workDirectory } from "../sandbox/sandbox-paths.ts";
import { announcements, lastingDescriptors, type PipeName } from "./pipe-names.ts";

const { control } = descriptors;
const { inputs, script, start, worker } = lastingDescriptors;

/** How often the supervisor checks whether killed processes are gone, with a pause in between. */
const looks = 100;

/** Ends everything that a program has left. A process that cannot be ended ends the sandbox: nothing may start beside it. */
const end: readonly string[] = [
  "end() {",
  ...killLeftovers,
  "tries=0",
  // While it waits for another program, the shell also reaps processes that had ended before.
  "while [ $# -gt 1 ]; do",
  `[ $tries -lt ${looks} ] || exit 1`,
  "tries=$((tries + 1)); kill -9 -1 2>/dev/null; sleep 0.05; set -- /proc/[0-9]*",
  "done",
  "}",
];

const pipe = (name: PipeName): string => `${exchangeDirectory}/${name}`;
const ifThere = (name: PipeName, redirection: string): string =>
  `[ ! -p ${pipe(name)} ] || exec ${redirection}${pipe(name)}`;

/**
 * Unpacks the input files. A line before them holds the folders that lead to them, as words of a shell: an earlier
 * program may have made one a symbolic link that leads elsewhere.
 */
const unpack = (drop: readonly string[]): string[] => [
  "unpack() {",
  `IFS= read -r folders <&${inputs} && eval "set -- $folders" || return`,
  `for folder do [ ! -h "$folder" ] || { echo "$folder: ${symbolicLinkInTheWay}" >&2; return 1; }; done`,
  `${quoted([...drop, "tar"])} -xf - -C ${shellQuote(workDirectory)} <&${inputs}`,
  "}",
];

/**
 * The supervisor's own script. It contains nothing of a program. For each word from the worker it opens the pipes of
 * the next program, unpacks its input files, and evaluates its script. No process of an earlier program is left then,
 * except in a session.
 *
 * @param drop the prefix that drops root, as for one program
 */
export function lastingScript(drop: readonly string[], programs: CellShape["programs"]): string {
  const endBefore = programs === "session" ? [endIfKilled(`end ${worker}<&-`)] : [];
  const endAfter = programs === "session" ? endBefore : [`end ${worker}<&-`];
  return [
    "PATH=/usr/local/bin:/usr/bin:/bin",
    "umask 022",
    `${isFirst} || exit 1`,
    `exec ${worker}<&${control} </dev/null >/dev/null 3>&- 4>&- 5>&- 6>&- 7>&- 8>&-`,
    ...end,
    ...unpack(drop),
    "serve() {",
    "failed=",
    '[ -z "$1" ] || unpack || failed=1',
    `exec ${inputs}<&-`,
    // A part of a script must not run. The worker sends it after all input files, and ends it early if it is stopped.
    `script=$(cat <&${script}) || script=`,
    `exec ${script}<&-`,
    `[ -n "$failed" ] || eval "$script"`,
    "script=",
    "}",
    `echo ${announcements.idle} >&${worker}`,
    `while read -r word <&${worker}; do`,
    ...endBefore,
    `exec >${pipe("stdout")} 2>${pipe("diagnostics")} ${control}>${pipe("reports")} 4>${pipe("stderr")} ${script}<${pipe("script")}`,
    ifThere("stdin", "<"),
    ifThere("start", `${start}<`),
    "given=",
    `if [ -p ${pipe("inputs")} ]; then given=1; exec ${inputs}<${pipe("inputs")}; fi`,
    `echo ${announcements.open} >&${worker}`,
    // The shell keeps the worker's descriptor where no program inherits it.
    `serve "$given" ${worker}<&-`,
    ...endAfter,
    `exec </dev/null >/dev/null 2>/dev/null ${control}>&- 4>&- 5<&- ${start}<&-`,
    `echo ${announcements.idle} >&${worker}`,
    "done",
    "",
  ].join("\n");
}

/** The scripts of one program. */
export interface ProgramScripts {
  /** Evaluated by the supervisor. */
  readonly script: string;
  /** Evaluated by a shell that has dropped root; null if there is none. */
  readonly start: string | null;
}

/** The scripts of one program. */
export function programScripts(plan: SupervisorPlan): ProgramScripts {
  const again = startsAgain(plan);
  const shell = [...plan.drop, "/bin/sh", "-c", `start=$(cat <&${start}) && exec ${start}<&- && eval "$start"`];
  const lines = [
    // A function: a script that was cut off is a syntax error.
    "run() {",
    ...execution(plan, again ? [`exec ${quoted(shell)}`] : directStart(plan)),
    plan.session === null ? "end" : endIfKilled("end"),
    ...kernelReport(plan),
    // The supervisor is in the work directory, where bubblewrap started it.
    ...(plan.patterns.length === 0 ? [] : collection(plan)),
    "}",
    "run",
  ];
  return { script: lines.join("\n"), start: again ? programStart(plan).join("\n") : null };
}

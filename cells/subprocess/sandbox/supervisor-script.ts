import { shellQuote } from "#core/text/shell-quote";
import { backslash, passable, readable } from "../../files/output-patterns.ts";
import { descriptors, supervisorFile } from "./sandbox-paths.ts";

/** What the supervisor is told. */
export interface SupervisorPlan {
  /** The program with its arguments; the program by its absolute path. */
  readonly command: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  /** Whether the request set some of it. */
  readonly ownEnvironment: boolean;
  /** Where the program runs and output files are looked for. */
  readonly directory: string;
  /** Whether there is input on stdin. */
  readonly stdin: boolean;
  /** Wall-clock time of the program, in milliseconds. The supervisor's own clock ends it, a little after the worker's should have. */
  readonly timeout: number;
  /** Whether a tar of input files comes by the control descriptor. */
  readonly inputs: boolean;
  /** `find -path` patterns of files to send back; none where empty. */
  readonly patterns: readonly string[];
  readonly openFiles: number;
  readonly largestFile: number;
  /** Limits by rlimit, where no control group enforces them. */
  readonly fallback: { readonly memory: number | null; readonly pids: number | null };
  /**
   * A command that gives up root, in front of everything that touches what the program can touch; empty where the supervisor
   * has the program's uid.
   */
  readonly drop: readonly string[];
  /** Whether it is the first process of its own pid namespace: only then may it kill every process that it can see. */
  readonly ownsNamespace: boolean;
}

const { control, stderr, diagnostics } = descriptors;

/** Marks in the diagnostics around what the shell itself says about the program: how a signal is told from an exit code. */
export const beginMark = "kgents:begin";
export const endMark = "kgents:end";

/**
 * Variables that dash or bash cannot export with any value: bash sets them itself or makes them read-only. They are given by
 * `env`, on a command line inside. Every other name the shell exports as it came; that it also heeds some does no harm here.
 */
const shellVariables = new Set(
  `_ OPTIND LINENO PPID UID EUID SHELLOPTS BASHOPTS BASHPID RANDOM SRANDOM SECONDS SHLVL FUNCNAME GROUPS DIRSTACK HISTCMD
   EPOCHSECONDS EPOCHREALTIME BASH_VERSINFO BASH_ARGC BASH_ARGV BASH_LINENO BASH_SOURCE BASH_SUBSHELL BASH_COMMAND
   BASH_ALIASES BASH_CMDS`.split(/\s+/),
);

const quoted = (words: readonly string[]): string => words.map(shellQuote).join(" ");

/** Holds in the first process of a pid namespace only. A bubblewrap that does not isolate must not make the supervisor kill the machine's processes. */
const isFirst = "[ $$ -eq 1 ]";

/** How much later than the worker's clock the one inside ends the program, in seconds. */
const clockPatience = 1;

/**
 * The clock inside, for a worker whose own stands still. Where the worker is root, the program has another uid and cannot end
 * it. Everything but the first process and the clock itself is killed; the first hears of it by a signal.
 */
const clock = (plan: SupervisorPlan): string[] => {
  const seconds = Math.ceil(plan.timeout / 1000) + clockPatience;
  return [
    "late=; trap 'late=timed-out' USR1",
    `( exec <&- >&- ${diagnostics}>&- ${control}>&- ${stderr}>&-; sleep ${seconds}; ${isFirst} && kill -USR1 1 && kill -9 -1 ) &`,
  ];
};

/** The word that makes the script start the program instead. */
const programWord = "program";

/**
 * The environment comes by this script and not by bubblewrap, because bubblewrap's environment is also that of the helper
 * which gives up root: LD_PRELOAD in a request must not reach it. Nor by a command line, which everybody on the machine
 * can read.
 */
function programStart(plan: SupervisorPlan): string[] {
  const variables = Object.entries(plan.environment);
  const byShell = (name: string): boolean => !shellVariables.has(name);
  const plain = variables.filter(([name]) => byShell(name));
  const special = variables.filter(([name]) => !byShell(name));
  const assignments = special.map(([name, value]) => `${name}=${value}`);
  const prefix = assignments.length === 0 ? [] : ["/usr/bin/env", ...assignments];
  return [
    ...plain.map(([name, value]) => `export ${name}=${shellQuote(value)}`),
    `exec ${quoted([...prefix, ...plan.command])}`,
  ];
}

function rlimits(plan: SupervisorPlan): string[] {
  const { memory, pids } = plan.fallback;
  return [
    `ulimit -n ${plan.openFiles}`,
    "ulimit -c 0",
    // In units of 512 bytes, says POSIX.
    `ulimit -f ${Math.ceil(plan.largestFile / 512)}`,
    ...(memory === null ? [] : [`ulimit -v ${Math.ceil(memory / 1024)}`]),
    // bash and busybox call it -u, dash -p.
    ...(pids === null
      ? []
      : [`if (ulimit -u ${pids}) 2>/dev/null; then ulimit -u ${pids}; else ulimit -p ${pids}; fi`]),
    // Should memory run out, the kernel takes the code and not the supervisor. Not allowed means no harm done.
    "echo 1000 2>/dev/null >/proc/self/oom_score_adj",
  ];
}

function collection(plan: SupervisorPlan): string[] {
  const find = quoted([...plan.drop, "find"]);
  const wanted = `\\( ${plan.patterns.map((pattern) => `-path ${shellQuote(pattern)}`).join(" -o ")} \\)`;
  return [
    ...(plan.ownsNamespace
      ? [
          // What is left must be gone and reaped before the files are looked at: it could change them meanwhile, and where it
          // has used up the process limit, nothing more could be started.
          "trap '' CHLD",
          `${isFirst} && kill -9 -1 2>/dev/null`,
          "tries=0; set -- /proc/[0-9]*",
          "while [ $# -gt 1 ] && [ $tries -lt 2000 ]; do tries=$((tries + 1)); set -- /proc/[0-9]*; done",
          "trap - CHLD",
        ]
      : []),
    `cd ${shellQuote(plan.directory)} || exit 0`,
    // What it sends, and in which order: see collect-outputs.ts. Folders are made passable before they are entered.
    `${find} . -xdev \\( ${passable} -o ${wanted} \\( ! -type f -o -links +1 -o ${backslash} \\) -print0 \\) >&${control}`,
    `searched=$?; printf '\\0' >&${control}`,
    `${find} . -xdev -type f -links 1 ! ${backslash} ${wanted} -print0 >&${control} || searched=1`,
    `printf '\\0%s\\0' $searched >&${control}`,
    `${find} . -xdev -type f -links 1 ! ${backslash} ${wanted} ${readable} -exec tar -cf - --no-recursion {} + >&${control}`,
  ];
}

/**
 * The script of the supervisor, the first process in the sandbox: it unpacks input files, runs the program in the
 * foreground (a shell would take stdin and SIGINT from one in the background) with the real streams, and says by the
 * control descriptor how it ended.
 *
 * Where the worker is root, it keeps uid 0 with the few capabilities to start and kill processes of the run's uid: the
 * kernel kills it with bubblewrap (`--die-with-parent`) only while both have the same uid. Where the worker is an ordinary
 * user it has the program's uid, and nothing that it says is trusted.
 */
export function supervisorScript(plan: SupervisorPlan): string {
  const root = plan.drop.length > 0;
  // A request's own variables are set behind the helper, by another shell; ours do it no harm.
  const again = root && plan.ownEnvironment;
  const start = programStart(again || !root ? plan : { ...plan, command: [...plan.drop, ...plan.command] });
  return [
    ...(again ? [`if [ "$1" = ${programWord} ]; then`, ...start, "fi"] : []),
    "PATH=/usr/local/bin:/usr/bin:/bin",
    "umask 022",
    "exec 5>&- 6>&- 7>&- 8>&- 9>&-",
    ...(plan.inputs
      ? [`${quoted([...plan.drop, "tar"])} -xf - -C ${shellQuote(plan.directory)} <&${control} || exit 0`]
      : []),
    ...(plan.ownsNamespace ? clock(plan) : ["late="]),
    // Whole and hundredths of seconds since the machine started: a shell has no finer clock.
    "read -r began _ </proc/uptime",
    `echo run >&${control}`,
    `echo ${beginMark} >&2`,
    // Through a pipe of our own: what comes from the worker is a socket, which /dev/stdin cannot open again. A named pipe
    // could be opened, but the open waits for ever where the worker has written everything and gone. In the background: what
    // the program leaves running may hold the pipe without reading it, and the program's end must not wait for that.
    ...(plan.stdin ? ["exec 5<&0 </dev/null"] : []),
    plan.stdin ? `( cat <&5 5<&- ${control}>&- ${stderr}>&- & ) | ( exec 5<&-` : "(",
    // The pipe is root's where the shell is; the program must be able to open it by name all the same.
    ...(plan.stdin && root ? ["chmod 666 /proc/self/fd/0"] : []),
    ...rlimits(plan),
    ...(again ? [`exec ${quoted([...plan.drop, "/bin/sh", supervisorFile, programWord])}`] : start),
    `) ${plan.stdin ? "" : "</dev/null "}${diagnostics}>&${stderr} ${stderr}>&- ${control}>&-`,
    "status=$?",
    "read -r ended _ </proc/uptime",
    `echo ${endMark} >&2`,
    `echo "exit $status $began $ended $late" >&${control}`,
    ...(plan.patterns.length === 0 ? [] : collection(plan)),
    "",
  ].join("\n");
}

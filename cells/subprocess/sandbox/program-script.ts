/**
 * The parts of the supervisor's script that run one program, in a sandbox of its own or in one that stays.
 *
 * @module
 */
import { shellQuote } from "#core/text/shell-quote";
import { backslash, passable, readable } from "../../files/output-patterns.ts";
import { interruptPatience, maximumKernelResult } from "../../provider.ts";
import { descriptors, killMark } from "./sandbox-paths.ts";

/** The input of the supervisor about one program. */
export interface SupervisorPlan {
  /** The program, by its absolute path, with its arguments. */
  readonly command: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  /** Whether the request sets any of the environment. */
  readonly ownEnvironment: boolean;
  /** The directory in which the program runs and output files are collected. */
  readonly directory: string;
  /** Whether there is input on stdin. */
  readonly stdin: boolean;
  /**
   * Wall-clock time of the program, in milliseconds. The supervisor's own clock ends the program a little after the
   * worker's clock should have.
   */
  readonly timeout: number;
  /** Whether a tar of input files arrives on the control descriptor. */
  readonly inputs: boolean;
  /** `find -path` patterns of the files to send back; empty for none. */
  readonly patterns: readonly string[];
  readonly openFiles: number;
  readonly largestFile: number;
  /** Limits by rlimit, if no control group enforces them. */
  readonly fallback: { readonly memory: number | null; readonly pids: number | null };
  /**
   * A command prefix that drops root, for everything that touches data of the program; empty if the supervisor has the
   * program's uid.
   */
  readonly drop: readonly string[];
  /** Whether it is the first process of its own pid namespace. Only then may it kill every visible process. */
  readonly ownsNamespace: boolean;
  /** Set if the program is one of a session: other processes of the cell run beside it and after it. */
  readonly session: SessionPart | null;
}

/** What only programs of a session have. */
export interface SessionPart {
  /** The file in which the kernel says something of the call; null if the program is no call. */
  readonly kernelResult: string | null;
}

const { control, stderr, diagnostics } = descriptors;

/**
 * Marks in the diagnostics around the shell's own message about the program, which distinguishes a signal from an exit
 * code.
 */
export const beginMark = "kgents:begin";
export const endMark = "kgents:end";

/**
 * Variables that dash or bash cannot export with any value, because bash sets them itself or makes them read-only. They
 * are set by `env` on a command line in the sandbox. The shell exports all other names unchanged; that it also
 * interprets some of them does no harm here.
 */
const shellVariables = new Set(
  `_ OPTIND LINENO PPID UID EUID SHELLOPTS BASHOPTS BASHPID RANDOM SRANDOM SECONDS SHLVL FUNCNAME GROUPS DIRSTACK HISTCMD
   EPOCHSECONDS EPOCHREALTIME BASH_VERSINFO BASH_ARGC BASH_ARGV BASH_LINENO BASH_SOURCE BASH_SUBSHELL BASH_COMMAND
   BASH_ALIASES BASH_CMDS`.split(/\s+/),
);

/** Words as a shell reads them. */
export const quoted = (words: readonly string[]): string => words.map(shellQuote).join(" ");

/**
 * True only in the first process of a pid namespace. Without isolation by bubblewrap, the supervisor must not kill the
 * machine's processes.
 */
export const isFirst = "[ $$ -eq 1 ]";

/** How much later than the worker's clock the clock in the sandbox ends the program, in seconds. */
const clockPatience = 1;

/** The same for programs of a session, which the worker interrupts before it kills them. */
const sessionClockPatience = clockPatience + Math.ceil(interruptPatience / 1000);

/**
 * The clock in the sandbox, in case the worker's is stopped. If the worker is root, the program has another uid and
 * cannot kill it. It kills everything but the first process and itself, and notifies the first by a signal.
 */
const clock = (plan: SupervisorPlan): string[] => {
  const seconds = Math.ceil(plan.timeout / 1000) + (plan.session === null ? clockPatience : sessionClockPatience);
  const closed = `exec <&- >&- ${diagnostics}>&- ${control}>&- ${stderr}>&-`;
  const fire = `${isFirst} && kill -USR1 1 && kill -9 -1`;
  // Nothing else ends the clock of a session, and its sleep before it, when the program has ended.
  const sleep =
    plan.session === null
      ? `sleep ${seconds}`
      : `stopped=; nap=; trap 'stopped=yes; kill -9 $nap' TERM; sleep ${seconds} & nap=$!; [ -z "$stopped" ] || kill -9 $nap; wait $nap || exit`;
  return ["late=; trap 'late=timed-out' USR1", `( ${closed}; ${sleep}; ${fire} ) & clock=$!`];
};

/** Ends the clock of a session. It may have been stopped by the code. */
const endClock = "{ kill -TERM $clock; kill -CONT $clock; wait $clock; } 2>/dev/null";

/**
 * Sets the environment in this script rather than by bubblewrap, because bubblewrap's environment also applies to the
 * helper that drops root: LD_PRELOAD of a request must not reach it. Not on a command line either, which every user of
 * the machine can read.
 */
export function programStart(plan: SupervisorPlan): string[] {
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
    // POSIX: in units of 512 bytes.
    `ulimit -f ${Math.ceil(plan.largestFile / 512)}`,
    ...(memory === null ? [] : [`ulimit -v ${Math.ceil(memory / 1024)}`]),
    // -u in bash and busybox, -p in dash.
    ...(pids === null
      ? []
      : [`if (ulimit -u ${pids}) 2>/dev/null; then ulimit -u ${pids}; else ulimit -p ${pids}; fi`]),
    // If memory runs out, the kernel should kill the code rather than the supervisor. A failure to set this is
    // harmless.
    "echo 1000 2>/dev/null >/proc/self/oom_score_adj",
  ];
}

/** Whether the request's variables are set by another shell, after the helper has dropped root. */
export const startsAgain = (plan: SupervisorPlan): boolean => plan.drop.length > 0 && plan.ownEnvironment;

/** The lines that start the program if no other shell does. The default variables are harmless to the helper. */
export const directStart = (plan: SupervisorPlan): string[] =>
  programStart({ ...plan, command: [...plan.drop, ...plan.command] });

/**
 * Runs the program and reports how it ended.
 *
 * @param start the lines that become the program
 */
export function execution(plan: SupervisorPlan, start: readonly string[]): string[] {
  const root = plan.drop.length > 0;
  const isSession = plan.session !== null;
  // A process that stays may keep the program's stdin open without reading it.
  const feed = `cat <&5 5<&- ${control}>&- ${stderr}>&-${isSession ? ` ${diagnostics}>/dev/null` : ""}`;
  // The worker interrupts this process.
  const announce = [`read -r self _ </proc/self/stat && echo "process $self" >&${control}`, `exec ${control}>&-`];
  return [
    ...(plan.ownsNamespace ? clock(plan) : ["late="]),
    // In seconds since boot, with two decimals: a shell has no finer clock.
    "read -r began _ </proc/uptime",
    `echo run >&${control}`,
    `echo ${beginMark} >&2`,
    // Use a new pipe: the worker's end is a socket, which cannot be reopened as /dev/stdin. A named pipe could be, but
    // opening it blocks forever if the worker has already written everything and closed it. In the background:
    // processes that the program leaves behind may hold the pipe without reading it, and the program's end must not
    // wait for them.
    ...(plan.stdin ? ["exec 5<&0 </dev/null"] : []),
    plan.stdin ? `( ${feed} & ) | ( exec 5<&-` : "(",
    ...(isSession ? announce : []),
    // The pipe belongs to root if the shell does, but the program must be able to open it by name.
    ...(plan.stdin && root ? ["chmod 666 /proc/self/fd/0"] : []),
    ...rlimits(plan),
    ...start,
    `) ${plan.stdin ? "" : "</dev/null "}${diagnostics}>&${stderr} ${stderr}>&-${isSession ? "" : ` ${control}>&-`}`,
    "status=$?",
    "read -r ended _ </proc/uptime",
    `echo ${endMark} >&2`,
    ...(isSession ? [endClock] : []),
    `echo "exit $status $began $ended $late" >&${control}`,
  ];
}

/**
 * Kills and reaps the remaining processes. They could change the files while those are collected, and if they have used
 * up the process limit, nothing more could be started.
 */
export const killLeftovers: readonly string[] = [
  "trap '' CHLD",
  `${isFirst} && kill -9 -1 2>/dev/null`,
  "tries=0; set -- /proc/[0-9]*",
  "while [ $# -gt 1 ] && [ $tries -lt 2000 ]; do tries=$((tries + 1)); set -- /proc/[0-9]*; done",
  "trap - CHLD",
];

/** Ends every process of a session if the worker has killed its program. @param end the command that ends them */
export const endIfKilled = (end: string): string => `[ ! -e ${killMark} ] || ${end}`;

/** Sends what the kernel says of a call, up to a NUL. The file belongs to the code. */
export function kernelReport({ session, drop }: SupervisorPlan): string[] {
  if (session === null || session.kernelResult === null) return [];
  const file = shellQuote(session.kernelResult);
  const head = quoted([...drop, "head", "-c", String(maximumKernelResult + 1), "--"]);
  return [`[ ! -f ${file} ] || ${head} ${file} >&${control} 2>/dev/null`, `printf '\\0' >&${control}`];
}

/** Sends the output files. See collect-outputs.ts for the format. */
export function collection(plan: SupervisorPlan): string[] {
  const find = quoted([...plan.drop, "find"]);
  const wanted = `\\( ${plan.patterns.map((pattern) => `-path ${shellQuote(pattern)}`).join(" -o ")} \\)`;
  return [
    // Folders are made passable before they are entered.
    `${find} . -xdev \\( ${passable} -o ${wanted} \\( ! -type f -o -links +1 -o ${backslash} \\) -print0 \\) >&${control}`,
    `searched=$?; printf '\\0' >&${control}`,
    `${find} . -xdev -type f -links 1 ! ${backslash} ${wanted} -print0 >&${control} || searched=1`,
    `printf '\\0%s\\0' $searched >&${control}`,
    `${find} . -xdev -type f -links 1 ! ${backslash} ${wanted} ${readable} -exec tar -cf - --no-recursion {} + >&${control}`,
  ];
}

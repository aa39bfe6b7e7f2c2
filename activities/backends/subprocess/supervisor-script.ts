import { descriptors } from "./sandbox-paths.ts";
import { shellQuote } from "./shell-quote.ts";

/** What the supervisor is told. */
export interface SupervisorPlan {
  /** The program with its arguments; the program by its absolute path. */
  readonly command: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  /** Where the program runs and output files are looked for. */
  readonly directory: string;
  /** Whether there is input on stdin. */
  readonly stdin: boolean;
  /** Whether a tar of input files comes by the control descriptor. */
  readonly inputs: boolean;
  /** `find -path` patterns of files to send back; none where empty. */
  readonly patterns: readonly string[];
  readonly openFiles: number;
  readonly largestFile: number;
  /** Limits by rlimit, where no control group enforces them. */
  readonly fallback: { readonly memory: number | null; readonly pids: number | null };
  /** Whether it is the first process of its own pid namespace: only then may it kill every process that it can see. */
  readonly ownsNamespace: boolean;
}

const { control, stderr, diagnostics } = descriptors;

/** Marks in the diagnostics around what the shell itself says about the program: how a signal is told from an exit code. */
export const beginMark = "kgents:begin";
export const endMark = "kgents:end";

/** Variables that shells themselves set, interpret or make read-only: given by `env`, not by the shell. */
const shellVariables = new Set(
  `_ PWD OLDPWD IFS PATH ENV OPTIND OPTARG LINENO PPID PS1 PS2 PS4 MAIL MAILPATH MAILCHECK UID EUID SHELLOPTS BASHOPTS
   BASHPID RANDOM SECONDS HISTSIZE TERM SHLVL FUNCNAME GROUPS HOSTNAME DIRSTACK POSIXLY_CORRECT CDPATH`.split(/\s+/),
);
const isShellVariable = (name: string): boolean => shellVariables.has(name) || name.startsWith("BASH");

/**
 * The environment comes by this script and not by bubblewrap, because bubblewrap's environment is also that of the helper
 * which gives up root: LD_PRELOAD in a request must not reach it. Nor by the command line, which everybody on the machine
 * can read.
 */
function programStart(plan: SupervisorPlan): string[] {
  const variables = Object.entries(plan.environment);
  const plain = variables.filter(([name]) => !isShellVariable(name));
  const special = variables.filter(([name]) => isShellVariable(name));
  const command = plan.command.map(shellQuote).join(" ");
  const prefix = special.map(([name, value]) => shellQuote(`${name}=${value}`)).join(" ");
  return [
    ...plain.map(([name, value]) => `export ${name}=${shellQuote(value)}`),
    prefix ? `exec /usr/bin/env ${prefix} ${command}` : `exec ${command}`,
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
  const wanted = `\\( ${plan.patterns.map((pattern) => `-path ${shellQuote(pattern)}`).join(" -o ")} \\)`;
  return [
    ...(plan.ownsNamespace
      ? [
          // What is left must be gone and reaped before the files are looked at: it could change them meanwhile, and where it
          // has used up the process limit, nothing more could be started.
          "trap '' CHLD",
          "kill -9 -1 2>/dev/null",
          "tries=0; set -- /proc/[0-9]*",
          "while [ $# -gt 1 ] && [ $tries -lt 2000 ]; do tries=$((tries + 1)); set -- /proc/[0-9]*; done",
          "trap - CHLD",
        ]
      : []),
    `cd ${shellQuote(plan.directory)} || exit 0`,
    `find . -xdev ! -type d ${wanted} \\( ! -type f -o -links +1 \\) -print0 >&${control}`,
    `printf '\\0' >&${control}`,
    `exec find . -xdev -type f -links 1 ${wanted} -exec tar -cf - --no-recursion {} + >&${control}`,
  ];
}

/**
 * The script of the supervisor, the first process in the sandbox: it unpacks input files, runs the program in the
 * foreground (a shell would take stdin and SIGINT from one in the background) with the real streams, and says by the
 * control descriptor how it ended. Nothing that it says is trusted: the program has the same uid.
 */
export function supervisorScript(plan: SupervisorPlan): string {
  return [
    "PATH=/usr/local/bin:/usr/bin:/bin",
    "umask 022",
    "exec 5>&- 6>&- 7>&- 8>&- 9>&-",
    ...(plan.inputs ? [`tar -xf - -C ${shellQuote(plan.directory)} <&${control} || exit 0`] : []),
    `echo run >&${control}`,
    `echo ${beginMark} >&2`,
    // Through a pipe of our own: what comes from the worker is a socket, which /dev/stdin cannot open again. A named pipe
    // could be opened, but the open waits for ever where the worker has written everything and gone.
    plan.stdin ? `cat ${control}>&- ${stderr}>&- | (` : "(",
    ...rlimits(plan),
    ...programStart(plan),
    `) ${plan.stdin ? "" : "</dev/null "}${diagnostics}>&${stderr} ${stderr}>&- ${control}>&-`,
    "status=$?",
    `echo ${endMark} >&2`,
    `echo "exit $status" >&${control}`,
    ...(plan.patterns.length === 0 ? [] : collection(plan)),
    "",
  ].join("\n");
}

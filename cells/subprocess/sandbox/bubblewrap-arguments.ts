import type { Bind } from "../interpreters/interpreter-command.ts";
import type { CellLimits } from "../machine/limits.ts";
import { descriptors, exchangeDirectory, privateShell, supervisorFile, workDirectory } from "./sandbox-paths.ts";

/** Which user builds the sandbox: root without a user namespace, or an ordinary user with one. */
export type SandboxMode = "root" | "user";

/** The uid and gid in a sandbox that an ordinary user built: `nobody`. */
export const userModeUid = 65534;

/** The input of the arguments. */
export interface BubblewrapPlan {
  readonly mode: SandboxMode;
  /** Whether bubblewrap supports `--disable-userns`. */
  readonly disablesUserNamespaces: boolean;
  /** Whether bubblewrap creates the network namespace; otherwise the launcher is already in a restricted one. */
  readonly ownNetwork: boolean;
  /** Arguments that show the host's programs, libraries and /etc. */
  readonly view: readonly string[];
  readonly binds: readonly Bind[];
  readonly limits: CellLimits;
  /** A shell that can be executed but not read, for the supervisor; null if the supervisor has its own uid. */
  readonly shell: string | null;
  /** The code's file name; null if it is one of the input files. */
  readonly codeFile: string | null;
  /** The host's directory of the pipes for a supervisor that serves many programs; null for one program. */
  readonly exchange: string | null;
}

const tmpfs = (path: string, bytes: number, permissions: string): string[] => [
  ...["--perms", permissions],
  ...["--size", String(bytes)],
  ...["--tmpfs", path],
];

const file = (descriptor: number, path: string, permissions: string): string[] => [
  ...["--perms", permissions],
  ...["--file", String(descriptor), path],
];

/**
 * The parent directories of paths, outermost first. They are created one by one, because bubblewrap creates the parents
 * of a mount for root only.
 */
function parents(paths: readonly string[]): string[] {
  const found = new Set<string>();
  for (const path of paths) {
    const parts = path.split("/").slice(1, -1);
    for (const index of parts.keys()) found.add(`/${parts.slice(0, index + 1).join("/")}`);
  }
  return [...found];
}

/** The arguments for bubblewrap, without the command. Pure. */
export function bubblewrapArguments(plan: BubblewrapPlan): string[] {
  const privileges =
    plan.mode === "root"
      ? [
          "--cap-drop",
          "ALL",
          ...["SETUID", "SETGID", "SETPCAP", "KILL"].flatMap((name) => ["--cap-add", `CAP_${name}`]),
        ]
      : [
          ...["--unshare-user", "--uid", String(userModeUid), "--gid", String(userModeUid)],
          ...(plan.disablesUserNamespaces ? ["--disable-userns"] : []),
        ];
  return [
    ...["--unshare-pid", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try"],
    ...(plan.ownNetwork ? ["--unshare-net"] : []),
    ...["--hostname", "kgents", "--new-session", "--die-with-parent", "--as-pid-1", "--clearenv"],
    ...privileges,
    ...["--seccomp", String(descriptors.seccomp)],
    ...plan.view,
    ...["--perms", "0444", "--ro-bind-data", String(descriptors.accounts), "/etc/passwd"],
    ...["--perms", "0444", "--ro-bind-data", String(descriptors.groups), "/etc/group"],
    ...["--proc", "/proc", "--dev", "/dev"],
    // Not sticky: the sandbox has one uid, which may remove the code's file even if root created it.
    ...tmpfs(workDirectory, plan.limits.work, "0777"),
    // Sticky as usual: Ruby refuses world-writable temporary directories that are not sticky.
    ...tmpfs("/tmp", plan.limits.temporary, "1777"),
    ...tmpfs("/dev/shm", plan.limits.sharedMemory, "1777"),
    ...(plan.shell === null ? [] : ["--ro-bind", plan.shell, privateShell]),
    ...parents(plan.binds.map(({ target }) => target)).flatMap((path) => ["--dir", path]),
    ...plan.binds.flatMap(({ source, target }) => ["--ro-bind", source, target]),
    ...file(descriptors.script, supervisorFile, "0444"),
    ...(plan.exchange === null ? [] : ["--ro-bind", plan.exchange, exchangeDirectory]),
    ...(plan.codeFile === null ? [] : file(descriptors.code, `${workDirectory}/${plan.codeFile}`, "0777")),
    // Last, after all mounts: an ordinary user owns these file systems and could fill them without a limit.
    ...["--remount-ro", "/dev", "--remount-ro", "/"],
    ...["--chdir", workDirectory],
  ];
}

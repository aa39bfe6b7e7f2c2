import type { Bind } from "../interpreters/interpreter-command.ts";
import type { CellLimits } from "../machine/limits.ts";
import { descriptors, privateShell, supervisorFile, workDirectory } from "./sandbox-paths.ts";

/** Who builds the sandbox: root without a user namespace, or an ordinary user with one. */
export type SandboxMode = "root" | "user";

/** The uid and gid inside a sandbox that an ordinary user built: nobody's. */
export const userModeUid = 65534;

/** What the arguments are made from. */
export interface SandboxPlan {
  readonly mode: SandboxMode;
  /** Whether bubblewrap knows `--disable-userns`. */
  readonly disablesUserNamespaces: boolean;
  /** Whether bubblewrap makes the network namespace; otherwise the launcher stands in one that was closed off already. */
  readonly ownNetwork: boolean;
  /** Arguments that show the host's programs, libraries and /etc. */
  readonly view: readonly string[];
  readonly binds: readonly Bind[];
  readonly limits: CellLimits;
  /** A shell that can be run and not read, for the supervisor; null where that has a uid of its own. */
  readonly shell: string | null;
  /** The code's file name; null where it comes with the input files. */
  readonly codeFile: string | null;
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

/** The directories above paths, outermost first. Made one by one: bubblewrap makes those above a mount for root alone. */
function parents(paths: readonly string[]): string[] {
  const found = new Set<string>();
  for (const path of paths) {
    const parts = path.split("/").slice(1, -1);
    for (const index of parts.keys()) found.add(`/${parts.slice(0, index + 1).join("/")}`);
  }
  return [...found];
}

/** The arguments for bubblewrap, without the command. Pure. */
export function bubblewrapArguments(plan: SandboxPlan): string[] {
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
    // Not sticky: there is one uid inside, and it may remove the code's file, which root made where the worker is root.
    ...tmpfs(workDirectory, plan.limits.work, "0777"),
    // As everywhere: Ruby refuses temporary directories that all may write and that are not sticky.
    ...tmpfs("/tmp", plan.limits.temporary, "1777"),
    ...tmpfs("/dev/shm", plan.limits.sharedMemory, "1777"),
    ...(plan.shell === null ? [] : ["--ro-bind", plan.shell, privateShell]),
    ...parents(plan.binds.map(({ target }) => target)).flatMap((path) => ["--dir", path]),
    ...plan.binds.flatMap(({ source, target }) => ["--ro-bind", source, target]),
    ...file(descriptors.script, supervisorFile, "0444"),
    ...(plan.codeFile === null ? [] : file(descriptors.code, `${workDirectory}/${plan.codeFile}`, "0777")),
    // Last, when everything has its place: an ordinary user owns these and could fill them without bound.
    ...["--remount-ro", "/dev", "--remount-ro", "/"],
    ...["--chdir", workDirectory],
  ];
}

/**
 * The system calls that are refused to code in a sandbox, by number, for the supported processors.
 *
 * @module
 */

/** A processor that the filter is generated for, as Node names it. */
export type FilterArchitecture = "x64" | "arm64";

/** Numbers that the filter needs in addition to the refused calls. */
export interface ArchitectureNumbers {
  /** AUDIT_ARCH_*: the architecture for which the call was made. */
  readonly audit: number;
  /** Calls from this number on belong to another ABI (x32) of the same architecture; null if there is none. */
  readonly foreignFrom: number | null;
  readonly clone: number;
  readonly unshare: number;
  readonly ioctl: number;
  readonly socket: number;
  readonly socketpair: number;
}

export const architectureNumbers: Readonly<Record<FilterArchitecture, ArchitectureNumbers>> = {
  x64: { audit: 0xc000003e, foreignFrom: 0x40000000, clone: 56, unshare: 272, ioctl: 16, socket: 41, socketpair: 53 },
  arm64: { audit: 0xc00000b7, foreignFrom: null, clone: 220, unshare: 97, ioctl: 29, socket: 198, socketpair: 199 },
};

/** clone3 passes its flags in memory, where a filter cannot read them. Its number is the same everywhere. */
export const clone3 = 435;

/**
 * Calls that fail with EPERM rather than as unknown, so that a program reports what was not permitted: name, number on
 * x86_64, number on aarch64; null if the call does not exist there.
 */
export const refusedCalls: readonly (readonly [name: string, x64: number | null, arm64: number | null])[] = [
  // File systems, and escapes from the mount namespace.
  ["mount", 165, 40],
  ["umount2", 166, 39],
  ["pivot_root", 155, 41],
  ["chroot", 161, 51],
  ["open_tree", 428, 428],
  ["move_mount", 429, 429],
  ["fsopen", 430, 430],
  ["fsconfig", 431, 431],
  ["fsmount", 432, 432],
  ["fspick", 433, 433],
  ["mount_setattr", 442, 442],
  ["open_tree_attr", 467, 467],
  ["open_by_handle_at", 304, 265],
  ["fanotify_init", 300, 262],
  ["swapon", 167, 224],
  ["swapoff", 168, 225],
  ["quotactl", 179, 60],
  ["quotactl_fd", 443, 443],
  ["acct", 163, 89],
  ["nfsservctl", 180, 42],
  ["sysfs", 139, null],
  // Namespaces; clone and unshare are checked by their flags.
  ["setns", 308, 268],
  // Other processes.
  ["ptrace", 101, 117],
  ["process_vm_readv", 310, 270],
  ["process_vm_writev", 311, 271],
  ["kcmp", 312, 272],
  ["pidfd_getfd", 438, 438],
  // Large kernel interfaces with a history of vulnerabilities.
  ["bpf", 321, 280],
  ["perf_event_open", 298, 241],
  ["userfaultfd", 323, 282],
  ["io_uring_setup", 425, 425],
  ["io_uring_enter", 426, 426],
  ["io_uring_register", 427, 427],
  // Key rings are not namespaced by uid inside one user namespace.
  ["add_key", 248, 217],
  ["request_key", 249, 218],
  ["keyctl", 250, 219],
  // The kernel and the machine.
  ["kexec_load", 246, 104],
  ["kexec_file_load", 320, 294],
  ["create_module", 174, null],
  ["init_module", 175, 105],
  ["finit_module", 313, 273],
  ["delete_module", 176, 106],
  ["get_kernel_syms", 177, null],
  ["query_module", 178, null],
  ["reboot", 169, 142],
  ["settimeofday", 164, 170],
  ["clock_settime", 227, 112],
  ["clock_adjtime", 305, 266],
  ["adjtimex", 159, 171],
  ["sethostname", 170, 161],
  ["setdomainname", 171, 162],
  ["syslog", 103, 116],
  ["ioperm", 173, null],
  ["iopl", 172, null],
  ["vhangup", 153, 58],
  ["uselib", 134, null],
  ["_sysctl", 156, null],
  ["lookup_dcookie", 212, 18],
];

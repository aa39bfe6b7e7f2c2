/** System calls that code may not make: isolation.md 8. */

/** Makes a system call by number and prints its errno. */
export const systemCall = (body: string): string => `
import ctypes, os, platform
libc = ctypes.CDLL(None, use_errno=True)
x64 = platform.machine() == "x86_64"
def call(number, arm, *arguments):
    result = libc.syscall(number if x64 else arm, *arguments)
    print(ctypes.get_errno() if result < 0 else "done")
${body}
`;

interface RefusedCall {
  readonly name: string;
  /** Python code that makes the call. */
  readonly body: string;
  /** The expected errno; several if kernels differ. */
  readonly errno: string;
  readonly inPod?: { readonly errno: string; readonly why: string };
}

export const refusedCalls: readonly RefusedCall[] = [
  { name: "mount", body: 'call(165, 40, b"none", b"/tmp", b"tmpfs", 0, None)', errno: "1" },
  { name: "the new mount calls", body: 'call(430, 430, b"tmpfs", 0)', errno: "1" },
  { name: "umount", body: 'call(166, 39, b"/proc", 2)', errno: "1" },
  { name: "chroot", body: 'call(161, 51, b"/tmp")', errno: "1" },
  { name: "pivot_root", body: 'call(155, 41, b"/tmp", b"/tmp")', errno: "1" },
  { name: "unshare a user namespace", body: "call(272, 97, 0x10000000)", errno: "1" },
  { name: "unshare a time namespace", body: "call(272, 97, 0x80)", errno: "1" },
  { name: "clone a user namespace", body: "call(56, 220, 0x10000000 | 17, 0, 0, 0, 0)", errno: "1" },
  { name: "clone3", body: "call(435, 435, 0, 0)", errno: "38" },
  { name: "setns", body: "call(308, 268, 0, 0)", errno: "1" },
  {
    name: "ptrace",
    body: "call(101, 117, 16, 1, 0, 0)",
    errno: "1",
    inPod: { errno: "1|done", why: "its uid is the supervisor's: test/kubernetes/tampering.test.ts" },
  },
  { name: "process_vm_readv", body: "call(310, 270, 1, 0, 0, 0, 0, 0)", errno: "1" },
  { name: "pidfd_getfd", body: "call(438, 438, 0, 0, 0)", errno: "1" },
  { name: "bpf", body: "call(321, 280, 0, 0, 0)", errno: "1" },
  { name: "perf_event_open", body: "call(298, 241, 0, 0, 0, 0, 0)", errno: "1" },
  { name: "userfaultfd", body: "call(323, 282, 0)", errno: "1" },
  {
    name: "io_uring_setup",
    body: "call(425, 425, 1, 0)",
    errno: "1",
    inPod: { errno: "1|14", why: "containerd before 1.7 lets it through: here with a bad address" },
  },
  { name: "keyctl", body: "call(250, 219, 0, -3, 0)", errno: "1" },
  { name: "setting the clock", body: "call(227, 112, 0, 0)", errno: "1" },
  { name: "reboot", body: "call(169, 142, 0, 0, 0, 0)", errno: "1" },
  { name: "kexec_load", body: "call(246, 104, 0, 0, 0, 0)", errno: "1" },
  {
    name: "TIOCSTI",
    body: 'call(16, 29, 0, 0x5412, b"x")',
    errno: "1",
    inPod: { errno: "1|25", why: "not filtered, but there is no terminal" },
  },
  {
    name: "TIOCSTI with high bits set",
    body: 'call(16, 29, 0, ctypes.c_ulong(0x100005412), b"x")',
    errno: "1",
    inPod: { errno: "1|25", why: "not filtered, but there is no terminal" },
  },
  {
    name: "AF_VSOCK",
    body: "call(41, 198, 40, 1, 0)",
    errno: "97",
    inPod: { errno: "1|97|done", why: "containerd before 1.7 lets it through; what is not bound reaches nobody" },
  },
  {
    name: "AF_ALG",
    body: "call(41, 198, 38, 5, 0)",
    errno: "97",
    inPod: { errno: "1|97|done", why: "not filtered; an algorithm of the kernel" },
  },
  {
    name: "AF_PACKET",
    body: "call(41, 198, 17, 3, 0)",
    errno: "97",
    inPod: { errno: "1|97", why: "refused for want of a capability" },
  },
  {
    name: "a pair of sockets of another family",
    body: "call(53, 199, 30, 1, 0, 0)",
    errno: "97",
    inPod: { errno: "1|14|97", why: "not filtered; here with a bad address" },
  },
  {
    name: "io_setup",
    body: "call(206, 0, 1, 0)",
    errno: "38",
    inPod: { errno: "14|38", why: "not filtered; here with a bad address" },
  },
  {
    name: "a call that no kernel has",
    body: "call(999, 999)",
    errno: "38",
    inPod: { errno: "1|38", why: "an older runtime says EPERM" },
  },
  { name: "setuid 0", body: "call(105, 146, 0)", errno: "1|22" },
  { name: "setgroups", body: "call(116, 159, 0, 0)", errno: "1" },
  {
    name: "a device",
    body: 'call(133 if x64 else 33, 33, *((b"/tmp/d", 0o20666, 0x101) if x64 else (-100, b"/tmp/d", 0o20666, 0x101)))',
    errno: "1",
  },
];

/** Makes all calls in one run, each in a process of its own. Prints the results by name, as JSON. */
export const allCalls = (calls: readonly RefusedCall[]): string => `
import json, os
answers = {}
for name, code in ${JSON.stringify(calls.map(({ name, body }) => [name, systemCall(body)]))}:
    read, write = os.pipe()
    if os.fork() == 0:
        os.dup2(write, 1)
        exec(code, {})
        os.sys.stdout.flush()
        os._exit(0)
    os.close(write)
    answers[name] = os.read(read, 99).decode().strip()
    os.close(read)
    os.wait()
print(json.dumps(answers))
`;

/**
 * The system call filter of the sandbox, as a classic BPF program for bubblewrap's `--seccomp`.
 *
 * A second layer of defence behind namespaces and dropped capabilities: it blocks kernel interfaces that an
 * unprivileged process can reach by itself (user namespaces above all), and two that no namespace covers (AF_VSOCK
 * reaches the hypervisor, TIOCSTI injects input into a terminal).
 *
 * @module
 */
import { allowedRanges } from "./seccomp-allowed.ts";
import { architectureNumbers, clone3, type FilterArchitecture, refusedCalls } from "./seccomp-syscalls.ts";

const load = 0x20; // BPF_LD | BPF_W | BPF_ABS
const jumpEqual = 0x15; // BPF_JMP | BPF_JEQ | BPF_K
const jumpAtLeast = 0x35; // BPF_JMP | BPF_JGE | BPF_K
const jumpBitsSet = 0x45; // BPF_JMP | BPF_JSET | BPF_K
const giveBack = 0x06; // BPF_RET | BPF_K

const allow = 0x7fff0000;
const killProcess = 0x80000000;
const failWith = (errno: number): number => 0x00050000 | errno;
const notPermitted = failWith(1);
const notImplemented = failWith(38);
const familyNotSupported = failWith(97);

// Offsets in struct seccomp_data. Only the low half of an argument counts, as in the kernel itself for these calls.
const callNumber = 0;
const architecture = 4;
const argument = (index: number): number => 16 + 8 * index;

/** CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID and NEWNET. */
const newNamespaces = 0x7e020000;
/** CLONE_NEWTIME, which in clone() is part of the exit signal and means a namespace in unshare() only. */
const newTimeNamespace = 0x80;
const terminalInjection = [0x5412 /* TIOCSTI */, 0x541c /* TIOCLINUX */];
/** AF_UNIX, AF_INET, AF_INET6, and AF_NETLINK, without which a program cannot list its network interfaces. */
const socketFamilies = [1, 2, 10, 16];

type Instruction = readonly [operation: number, ifTrue: number, ifFalse: number, value: number];

const answer = (value: number): Instruction => [giveBack, 0, 0, value];
/** Runs the next instruction only where the accumulator equals the value. */
const nextWhenEqual = (value: number, skip = 1): Instruction => [jumpEqual, 0, skip, value];

/** Checks one argument of one call; every path of `body` returns an answer. */
const whenCalled = (number: number, index: number, body: readonly Instruction[]): Instruction[] => [
  nextWhenEqual(number, body.length + 1),
  [load, 0, 0, argument(index)],
  ...body,
];

const unlessBits = (bits: number): Instruction[] => [[jumpBitsSet, 0, 1, bits], answer(notPermitted), answer(allow)];

/** Generates the filter program. Pure: the same bytes for the same processor. */
export function seccompFilter(processor: FilterArchitecture): Buffer {
  const numbers = architectureNumbers[processor];
  const program: Instruction[] = [
    [load, 0, 0, architecture],
    [jumpEqual, 1, 0, numbers.audit],
    answer(killProcess),
    [load, 0, 0, callNumber],
  ];
  if (numbers.foreignFrom !== null) program.push([jumpAtLeast, 0, 1, numbers.foreignFrom], answer(killProcess));
  for (const [, x64, arm64] of refusedCalls) {
    const number = processor === "x64" ? x64 : arm64;
    if (number !== null) program.push(nextWhenEqual(number), answer(notPermitted));
  }
  program.push(
    // Like an older kernel: the C library then falls back to clone, whose flags are visible to the filter.
    nextWhenEqual(clone3),
    answer(notImplemented),
    ...whenCalled(numbers.clone, 0, unlessBits(newNamespaces)),
    ...whenCalled(numbers.unshare, 0, unlessBits(newNamespaces | newTimeNamespace)),
    ...whenCalled(numbers.ioctl, 1, [
      ...terminalInjection.flatMap((request) => [nextWhenEqual(request), answer(notPermitted)]),
      answer(allow),
    ]),
    ...[numbers.socket, numbers.socketpair].flatMap((number) =>
      whenCalled(number, 0, [
        ...socketFamilies.flatMap((family) => [nextWhenEqual(family), answer(allow)]),
        answer(familyNotSupported),
      ]),
    ),
    // All other calls by ranges: numbers outside of the ranges are not allowed.
    ...allowedRanges(processor).flatMap(({ from, to }): Instruction[] => [
      [jumpAtLeast, 1, 0, from],
      answer(notImplemented),
      [jumpAtLeast, 1, 0, to + 1],
      answer(allow),
    ]),
    answer(notImplemented),
  );
  const bytes = Buffer.alloc(program.length * 8);
  for (const [index, [operation, ifTrue, ifFalse, value]] of program.entries()) {
    bytes.writeUInt16LE(operation, index * 8);
    bytes.writeUInt8(ifTrue, index * 8 + 2);
    bytes.writeUInt8(ifFalse, index * 8 + 3);
    bytes.writeUInt32LE(value >>> 0, index * 8 + 4);
  }
  return bytes;
}

/** The processor of this machine if there is a filter for it; otherwise undefined. */
export const filterArchitecture = (processor: string = process.arch): FilterArchitecture | undefined =>
  processor === "x64" || processor === "arm64" ? processor : undefined;

import { Readable, Writable } from "node:stream";
import { KgentsError } from "#core/contract/error";
import type { ProgramContext } from "../../provider.ts";
import type { Machine } from "./machine.ts";

/** The time limit of a probe, in milliseconds. */
const patience = 10_000;

/** The program of the probe: prints the kernel's status of a process in the sandbox. */
export const probeCommand = ["/bin/sh", "-c", "exec cat /proc/self/status"];

/**
 * Compares the probe's output with the required isolation. Returns the first difference; undefined if there is none.
 * Pure.
 */
export function judgeProbe(status: string, uid: number): string | undefined {
  const field = (name: string): string => new RegExp(`^${name}:\\s*(.*)$`, "m").exec(status)?.[1] ?? "nothing";
  const expected: readonly (readonly [name: string, found: string, wanted: string])[] = [
    ["the uid inside", field("Uid").split(/\s+/)[0] ?? "", String(uid)],
    ["the gid inside", field("Gid").split(/\s+/)[0] ?? "", String(uid)],
    ["effective capabilities", field("CapEff"), "0000000000000000"],
    ["permitted capabilities", field("CapPrm"), "0000000000000000"],
    ["bounding capabilities", field("CapBnd"), "0000000000000000"],
    ["no new privileges", field("NoNewPrivs"), "1"],
    ["the system call filter", field("Seccomp"), "2"],
  ];
  const wrong = expected.find(([, found, wanted]) => found !== wanted);
  return wrong && `${wrong[0]} should be ${wrong[2]}, and is ${wrong[1]}`;
}

/** A context that keeps the probe's output. */
export function probeContext(): { context: ProgramContext; printed: () => string } {
  const chunks: Buffer[] = [];
  const sink = (): Writable =>
    new Writable({
      write: (chunk, _encoding, done) => {
        chunks.push(chunk);
        done();
      },
    });
  const context: ProgramContext = {
    stop: AbortSignal.timeout(patience),
    started: () => {},
    ended: () => {},
    // Later than `stop`, so that the probe can still end by itself.
    abandoned: AbortSignal.timeout(2 * patience),
    stored: { stdout: 0, stderr: 0 },
    stdout: sink(),
    stderr: sink(),
    open: () => Promise.resolve(Readable.from([Buffer.from("probe")])),
    saveFile: () => Promise.resolve(false),
  };
  return { context, printed: () => Buffer.concat(chunks).toString() };
}

/** The error for a probe that found insufficient isolation. */
export const probeRefusal = (machine: Machine, reason: string): KgentsError =>
  new KgentsError("sandbox-unavailable", `bubblewrap ${machine.version} runs, but does not isolate: ${reason}`, {
    remedy: "Report this with the output of `kgents status --json`; until then use a cluster.",
  });

import { Readable, Writable } from "node:stream";
import { KgentsError } from "#core/contract/error";
import type { ExecuteContext } from "../../provider.ts";
import type { Machine } from "./machine.ts";

/** So long a probe may take, in milliseconds. */
const patience = 10_000;

/** The program of the probe: what the kernel says of a process inside. */
export const probeCommand = ["/bin/sh", "-c", "exec cat /proc/self/status"];

/** What the probe must find inside, else the sandbox is none. Pure. */
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

/** A context that keeps what the probe prints. */
export function probeContext(): { context: ExecuteContext; printed: () => string } {
  const chunks: Buffer[] = [];
  const sink = (): Writable =>
    new Writable({
      write: (chunk, _encoding, done) => {
        chunks.push(chunk);
        done();
      },
    });
  const context: ExecuteContext = {
    stop: AbortSignal.timeout(patience),
    started: () => {},
    ended: () => {},
    // Later, so that it may still end by itself.
    abandoned: AbortSignal.timeout(2 * patience),
    stored: { stdout: 0, stderr: 0 },
    stdout: sink(),
    stderr: sink(),
    open: () => Promise.resolve(Readable.from([Buffer.from("probe")])),
    saveFile: () => Promise.resolve(false),
  };
  return { context, printed: () => Buffer.concat(chunks).toString() };
}

/** What is said where the probe did not find what it must. */
export const probeRefusal = (machine: Machine, reason: string): KgentsError =>
  new KgentsError("sandbox-unavailable", `bubblewrap ${machine.version} runs, but does not isolate: ${reason}`, {
    remedy: "Report this with the output of `kgents status --json`; until then use a cluster.",
  });

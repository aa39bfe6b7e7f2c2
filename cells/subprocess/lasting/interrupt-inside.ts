import { readFileSync } from "node:fs";
import { childrenOf } from "./kill-children.ts";

/** The number of a process in its own pid namespace; undefined if it has ended. */
function numberInside(pid: number): number | undefined {
  try {
    const line = /^NSpid:(.*)$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
    return Number(line?.trim().split(/\s+/).at(-1));
  } catch {
    return undefined;
  }
}

/** A process and all that it has started, itself first. */
const withDescendants = (pid: number): number[] => [pid, ...childrenOf(pid).flatMap(withDescendants)];

/**
 * Sends SIGINT to a program of a sandbox. Nothing happens if it has ended.
 *
 * @param bubblewrap the process outside of the sandbox, whose only child is the supervisor
 * @param inside the number of the program's process in the sandbox
 * @param isAlone whether its descendants get no signal; otherwise they do, as the programs at a terminal do
 */
export function interruptInside(bubblewrap: number, inside: number, isAlone: boolean): void {
  const found = childrenOf(bubblewrap)
    .flatMap(childrenOf)
    .filter((pid) => numberInside(pid) === inside);
  for (const pid of isAlone ? found : found.flatMap(withDescendants)) {
    try {
      process.kill(pid, "SIGINT");
    } catch {
      // It has already ended.
    }
  }
}

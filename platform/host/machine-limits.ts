import { availableParallelism, totalmem } from "node:os";

/** What this machine has to give to one run: thousandths of a core and bytes. Files of a sandbox live in memory too. */
export function machineLimits(): { readonly cpu: number; readonly memory: number; readonly disk: number } {
  const constrained = process.constrainedMemory();
  const memory = constrained > 0 ? Math.min(constrained, totalmem()) : totalmem();
  return { cpu: availableParallelism() * 1000, memory, disk: memory };
}

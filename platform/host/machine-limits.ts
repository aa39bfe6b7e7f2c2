import { availableParallelism, totalmem } from "node:os";

/**
 * Resources of this machine that one run can use: CPU in thousandths of a core, the rest in bytes. A sandbox keeps its
 * files in memory, so the disk limit is the memory limit.
 */
export function machineLimits(): { readonly cpu: number; readonly memory: number; readonly disk: number } {
  const constrained = process.constrainedMemory();
  const memory = constrained > 0 ? Math.min(constrained, totalmem()) : totalmem();
  return { cpu: availableParallelism() * 1000, memory, disk: memory };
}

import type { ControlGroup, GroupUsage } from "./control-group.ts";

/** Counts what a group uses from now on. */
export function usageSince(group: ControlGroup): () => GroupUsage {
  const isReset = group.resetPeak();
  const before = group.usage();
  return () => {
    const { peakMemoryBytes, cpuSeconds, memoryKills } = group.usage();
    // Without a reset, an earlier program may have had the peak.
    const isOwn = isReset || (peakMemoryBytes ?? 0) > (before.peakMemoryBytes ?? 0);
    return {
      peakMemoryBytes: isOwn ? peakMemoryBytes : null,
      cpuSeconds: cpuSeconds === null ? null : cpuSeconds - (before.cpuSeconds ?? 0),
      memoryKills: memoryKills - before.memoryKills,
    };
  };
}

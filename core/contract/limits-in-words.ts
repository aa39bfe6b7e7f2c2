import { formatDuration } from "../text/duration.ts";
import { formatBytes, formatCpu } from "../text/quantity.ts";
import type { ExecutionSpec } from "./request.ts";

/** Formats the limits of a request for display. */
export const limitsInWords = ({ timeout, cpu, memory, disk, network }: ExecutionSpec): string =>
  [
    formatDuration(timeout),
    `cpu ${formatCpu(cpu)}`,
    `memory ${formatBytes(memory)}`,
    `disk ${formatBytes(disk)}`,
    `network ${network ? "on" : "off"}`,
  ].join(", ");

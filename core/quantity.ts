/**
 * Quantities as Kubernetes writes them: `200m` of cpu, `256Mi` of memory.
 *
 * @module
 */

const byteUnits: Readonly<Record<string, number>> = {
  "": 1,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
};

/** How an amount of cpu is written as text. */
export const cpuShape = /^\s*(\d+(?:\.\d+)?)(m?)\s*$/;
/** How a number of bytes is written as text. */
export const bytesShape = /^\s*(\d+(?:\.\d+)?)([kMGT]|[KMGT]i)?\s*$/;

/** Reads cpu (`200m`, `0.5`, `2`) as thousandths of a core; undefined where it is no such quantity. */
export function parseCpu(text: string | number): number | undefined {
  const match = cpuShape.exec(String(text));
  if (!match) return undefined;
  const value = Number(match[1]) * (match[2] === "m" ? 1 : 1000);
  // Rounded first, because 0.29 * 1000 is 290.00000000000006 in floating point.
  const rounded = Math.round(value * 1e6) / 1e6;
  return Number.isInteger(rounded) ? rounded : undefined;
}

/** Reads a number of bytes (`256Mi`, `1.5Gi`, `1000000`); undefined where it is no such quantity. */
export function parseBytes(text: string | number): number | undefined {
  const match = bytesShape.exec(String(text));
  const unit = match && byteUnits[match[2] ?? ""];
  if (!match || unit === undefined || unit === null) return undefined;
  const bytes = Math.ceil(Number(match[1]) * unit);
  return Number.isSafeInteger(bytes) ? bytes : undefined;
}

/** Writes thousandths of a core as Kubernetes does: `200m`, `2`. */
export const formatCpu = (millicores: number): string =>
  millicores % 1000 === 0 ? String(millicores / 1000) : `${millicores}m`;

/** Writes bytes in the largest binary unit that needs no fraction: `256Mi`, `1536Mi`, `1000000`. */
export function formatBytes(bytes: number): string {
  for (const unit of ["Ti", "Gi", "Mi", "Ki"] as const) {
    const size = byteUnits[unit] ?? 1;
    if (bytes >= size && bytes % size === 0) return `${bytes / size}${unit}`;
  }
  return String(bytes);
}

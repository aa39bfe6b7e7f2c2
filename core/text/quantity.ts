/**
 * Kubernetes quantities: `200m` of cpu, `256Mi` of memory.
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

/** The notation of an amount of cpu. */
export const cpuShape = /^\s*(\d+(?:\.\d+)?)(m?)\s*$/;
/** The notation of a number of bytes. */
export const bytesShape = /^\s*(\d+(?:\.\d+)?)([kMGT]|[KMGT]i)?\s*$/;

/** Parses cpu (`200m`, `0.5`, `2`) as millicores; undefined if it is not a whole number of millicores. */
export function parseCpu(text: string | number): number | undefined {
  const match = cpuShape.exec(String(text));
  if (!match) return undefined;
  const value = Number(match[1]) * (match[2] === "m" ? 1 : 1000);
  // Rounded first, because 0.29 * 1000 is 290.00000000000006 in floating point.
  const rounded = Math.round(value * 1e6) / 1e6;
  return Number.isInteger(rounded) ? rounded : undefined;
}

/** Parses a number of bytes (`256Mi`, `1.5Gi`, `1000000`), rounded up; undefined if it is not such a quantity. */
export function parseBytes(text: string | number): number | undefined {
  const match = bytesShape.exec(String(text));
  const unit = match && byteUnits[match[2] ?? ""];
  if (!match || unit === undefined || unit === null) return undefined;
  const bytes = Math.ceil(Number(match[1]) * unit);
  return Number.isSafeInteger(bytes) ? bytes : undefined;
}

/** Kubernetes' suffixes, in billionths: the smallest unit that it supports. */
const nano = 10n ** 9n;
const suffixes: ReadonlyMap<string, bigint> = new Map([
  ["n", 1n],
  ["u", 10n ** 3n],
  ["m", 10n ** 6n],
  ["", nano],
  ["k", 10n ** 3n * nano],
  ["M", 10n ** 6n * nano],
  ["G", 10n ** 9n * nano],
  ["T", 10n ** 12n * nano],
  ["P", 10n ** 15n * nano],
  ["E", 10n ** 18n * nano],
  ["Ki", 2n ** 10n * nano],
  ["Mi", 2n ** 20n * nano],
  ["Gi", 2n ** 30n * nano],
  ["Ti", 2n ** 40n * nano],
  ["Pi", 2n ** 50n * nano],
  ["Ei", 2n ** 60n * nano],
]);

/**
 * The grammar of apimachinery's `resource.Quantity`. `E` followed by digits is an exponent, `E` alone is the suffix for
 * 10^18.
 */
const quantityShape = /^([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d+)|([numkMGTPE]|[KMGTPE]i)?)$/;
/** Kubernetes stores amounts as 64-bit integers, and caps larger ones at this value. */
const largestQuantity = 2n ** 63n - 1n;
/** Larger exponents are clamped: the result is the largest amount, or almost zero, anyway. */
const largestExponent = 50;

/**
 * Parses a quantity of the API server, in any of Kubernetes' notations: `1e3`, `100m`, `1536Mi`, `2Ei`.
 *
 * @param scale the result's units per one, rounded up: 1000 for millicores. @default 1
 * @returns undefined if it is not a quantity
 */
export function parseQuantity(text: string, scale = 1): number | undefined {
  const [, sign, whole = "", fraction = "", exponent, suffix = ""] = quantityShape.exec(text) ?? [];
  const unit = suffixes.get(suffix);
  if (sign === undefined || unit === undefined || whole + fraction === "") return undefined;
  const power = Math.max(-largestExponent, Math.min(largestExponent, Number(exponent ?? 0)));
  const numerator = BigInt(whole + fraction) * unit * BigInt(scale) * 10n ** BigInt(Math.max(0, power));
  const denominator = nano * 10n ** BigInt(fraction.length + Math.max(0, -power));
  // Rounds away from zero, as Kubernetes does.
  const amount = (numerator + denominator - 1n) / denominator;
  const largest = largestQuantity * BigInt(scale);
  const bounded = Number(amount > largest ? largest : amount);
  return sign === "-" ? -bounded : bounded;
}

/** Formats millicores as Kubernetes does: `200m`, `2`. */
export const formatCpu = (millicores: number): string =>
  millicores % 1000 === 0 ? String(millicores / 1000) : `${millicores}m`;

/** Formats bytes in the largest binary unit without a fraction: `256Mi`, `1536Mi`, `1000000`. */
export function formatBytes(bytes: number): string {
  for (const unit of ["Ti", "Gi", "Mi", "Ki"] as const) {
    const size = byteUnits[unit] ?? 1;
    if (bytes >= size && bytes % size === 0) return `${bytes / size}${unit}`;
  }
  return String(bytes);
}

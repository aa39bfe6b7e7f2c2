/**
 * The lock of packages of Python: a line for each, with its version and the hashes of the wheels that fit. It holds no
 * addresses, so the same lock is installed from any index.
 *
 * @module
 */
import { parse } from "smol-toml";
import { KgentsError } from "#core/contract/error";
import { isRecord } from "#core/text/is-record";

/** A lock, and how much will be downloaded for it. */
export interface PythonLock {
  /** Lines that uv and pip read as requirements. Empty if there are no packages. */
  readonly text: string;
  /** The sizes of the wheels, in bytes; those that the index does not say are missing. */
  readonly downloadBytes: number;
}

const recordsOf = (value: unknown): Record<string, unknown>[] => (Array.isArray(value) ? value.filter(isRecord) : []);

function sha256Of(wheel: Record<string, unknown>): string | undefined {
  const hash = isRecord(wheel.hashes) ? wheel.hashes.sha256 : undefined;
  return typeof hash === "string" && /^[0-9a-f]{64}$/.test(hash) ? hash : undefined;
}

/** One package of the resolution as a line of the lock, and the size of its largest wheel. */
function lineOf(entry: Record<string, unknown>): { readonly line: string; readonly bytes: number } {
  const { name, version } = entry;
  const wheels = recordsOf(entry.wheels);
  const hashes = wheels.flatMap((wheel) => sha256Of(wheel) ?? []).toSorted();
  if (typeof name !== "string" || typeof version !== "string" || hashes.length === 0) {
    const words = `the index gives no wheel with a SHA-256 for ${String(name)} ${String(version)}`;
    throw new KgentsError("package-wheel-missing", words);
  }
  const sizes = wheels.map(({ size }) => Number(size)).filter(Number.isFinite);
  return {
    line: [`${name}==${version}`, ...hashes.map((hash) => `--hash=sha256:${hash}`)].join(" "),
    bytes: Math.max(0, ...sizes),
  };
}

/**
 * Makes a lock of a resolution in the format `pylock.toml` (PEP 751).
 *
 * @throws KgentsError `package-wheel-missing` if a package has no wheel with a hash
 */
export function lockOf(pylock: string): PythonLock {
  const lines = recordsOf(parse(pylock).packages).map(lineOf);
  return {
    text: lines.map(({ line }) => `${line}\n`).join(""),
    downloadBytes: lines.reduce((sum, { bytes }) => sum + bytes, 0),
  };
}

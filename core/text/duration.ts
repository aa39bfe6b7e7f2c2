/**
 * Durations in requests and flags: a number of seconds, or a number with a unit.
 *
 * @module
 */

const units: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** The notation of a duration. */
export const durationShape = /^\s*(\d+(?:\.\d+)?)(ms|s|m|h|d)?\s*$/;

/**
 * Parses `30`, `"30"`, `"1.5s"`, `"500ms"`, `"5m"`, `"1h"`, `"7d"` as milliseconds; undefined if it is not a duration.
 */
export function parseDuration(value: string | number): number | undefined {
  const match = durationShape.exec(String(value));
  const unit = match && units[match[2] ?? "s"];
  return match && unit ? Math.round(Number(match[1]) * unit) : undefined;
}

/** Formats milliseconds for display: `250 ms`, `1.5 s`, `5 min`, `2 h`, `7 d`. */
export function formatDuration(milliseconds: number): string {
  if (milliseconds < 1000) return `${Math.round(milliseconds)} ms`;
  if (milliseconds < 120_000) return `${Math.round(milliseconds / 100) / 10} s`;
  if (milliseconds < 7_200_000) return `${Math.round(milliseconds / 6000) / 10} min`;
  if (milliseconds < 172_800_000) return `${Math.round(milliseconds / 360_000) / 10} h`;
  return `${Math.round(milliseconds / 8_640_000) / 10} d`;
}

import { formatDuration } from "#core/text/duration";
import { pad, width } from "../terminal/text-width.ts";

/** A period of time. */
export interface Stretch {
  readonly name: string;
  readonly from: Date;
  readonly to: Date;
  /** Whether it has not ended yet. */
  readonly open: boolean;
}

const least = 8;
const most = 50;

/** Draws periods as one bar a line, each at its position in the whole. Omits the bars on a narrow terminal. */
export function barChart(stretches: readonly Stretch[], columns = 80): string[] {
  const begin = Math.min(...stretches.map(({ from }) => from.getTime()));
  const whole = Math.max(...stretches.map(({ to }) => to.getTime())) - begin;
  const durations = stretches.map(({ from, to, open }) => {
    const milliseconds = Math.max(0, to.getTime() - from.getTime());
    return `${formatDuration(milliseconds)}${open ? " so far" : ""}`;
  });
  const nameWidth = Math.max(...stretches.map(({ name }) => width(name))) + 2;
  const durationWidth = Math.max(...durations.map(width)) + 2;
  const ellipsis = stretches.some(({ open }) => open) ? 1 : 0;
  const room = Math.min(most, columns - nameWidth - durationWidth - ellipsis);
  return stretches.map(({ name, from, to, open }, index) => {
    const duration = durations[index] ?? "";
    const start = pad(name, nameWidth);
    if (room < least) return start + duration;
    const at = (moment: Date): number => (whole <= 0 ? 0 : Math.round(((moment.getTime() - begin) / whole) * room));
    // Give even the shortest period one column.
    const first = Math.min(at(from), room - 1);
    const bar = "█".repeat(Math.max(1, at(to) - first)) + (open ? "…" : "");
    return `${start}${duration.padStart(durationWidth - 2)}  ${" ".repeat(first)}${bar}`;
  });
}

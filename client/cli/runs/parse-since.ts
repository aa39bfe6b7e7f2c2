import { parseDuration } from "#core/text/duration";

const date = /^\d{4}-\d{2}-\d{2}(?:T\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:Z|[+-]\d{2}:\d{2})?)?$/;

/** Parses `1h`, `90s`, `2026-01-31` or `2026-01-31T12:00Z`; undefined if the text is neither a duration nor a date. */
export function parseSince(text: string, now: Date): Date | undefined {
  const duration = parseDuration(text);
  if (duration === undefined && !date.test(text)) return undefined;
  const moment = new Date(duration === undefined ? text : now.getTime() - duration);
  return Number.isNaN(moment.getTime()) ? undefined : moment;
}

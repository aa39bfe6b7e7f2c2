/** Which of the protocol's two kinds of answer a client accepts. */
export interface Accepted {
  /** One JSON document. */
  readonly json: boolean;
  /** A stream of events. */
  readonly events: boolean;
}

/** The quality of a type in a header: that of the most specific matching range, or 0 without one. */
function qualityOf(ranges: readonly (readonly [string, number])[], type: string): number {
  const [kind] = type.split("/");
  for (const range of [type, `${kind}/*`, "*/*"]) {
    const found = ranges.find(([name]) => name === range);
    if (found) return found[1];
  }
  return 0;
}

/** Parses an `Accept` header. A missing header accepts everything. */
export function acceptedBy(header: string | null): Accepted {
  if (header === null || header.trim() === "") return { json: true, events: true };
  const ranges = header
    .toLowerCase()
    .split(",")
    .map((range) => {
      const [name = "", ...parameters] = range.split(";").map((part) => part.trim());
      const quality = parameters.find((parameter) => parameter.startsWith("q="))?.slice(2);
      return [name, quality === undefined ? 1 : Number(quality) || 0] as const;
    });
  return { json: qualityOf(ranges, "application/json") > 0, events: qualityOf(ranges, "text/event-stream") > 0 };
}

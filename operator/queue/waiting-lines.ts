/** `high` for what somebody changed, `low` for the first list and for the regular look at everything. */
export type Priority = "high" | "low";

/** The keys that wait, first in first out in each priority. */
export interface WaitingLines {
  /** A key that waits already keeps its age, and takes the higher of the two priorities. */
  readonly add: (key: string, priority: Priority) => void;
  readonly next: () => string | undefined;
  readonly depth: () => number;
  /** How long the oldest key has waited, in seconds. 0 if none waits. */
  readonly age: () => number;
  readonly clear: () => void;
}

export function createWaitingLines(): WaitingLines {
  /** The values are when the keys were added. */
  const lines: Readonly<Record<Priority, Map<string, number>>> = { high: new Map(), low: new Map() };
  const next = (): string | undefined => {
    for (const line of [lines.high, lines.low]) {
      for (const key of line.keys()) {
        line.delete(key);
        return key;
      }
    }
    return undefined;
  };
  return {
    add: (key, priority) => {
      if (lines.high.has(key)) return;
      const since = lines.low.get(key) ?? performance.now();
      if (priority === "high") lines.low.delete(key);
      lines[priority].set(key, since);
    },
    next,
    depth: () => lines.high.size + lines.low.size,
    age: () => {
      const times = [...lines.high.values(), ...lines.low.values()];
      if (times.length === 0) return 0;
      return (performance.now() - times.reduce((first, time) => Math.min(first, time))) / 1000;
    },
    clear: () => {
      lines.high.clear();
      lines.low.clear();
    },
  };
}

/** How many cells may exist at once on this worker. Those that wait are served in the order in which they came. */
export interface CellLimiter {
  /** Holds a place for a cell; at once where it holds one already. Rejects with the signal's reason when aborted. */
  readonly acquire: (cellId: string, signal: AbortSignal, onQueued?: (ahead: number) => void) => Promise<void>;
  /** Holds a place where one is free and nobody waits; false where not. */
  readonly tryAcquire: (cellId: string) => boolean;
  /** Counts a cell that exists already, also beyond the maximum: it cannot be made to wait. */
  readonly hold: (cellId: string) => void;
  /** Gives a cell's place back; nothing happens where it held none. */
  readonly release: (cellId: string) => void;
  /** The cells that hold a place. */
  readonly held: () => readonly string[];
  /** How many wait. */
  readonly waiting: () => number;
}

/** Makes a limiter with so many places. */
export function createCellLimiter(
  maximum: number,
  onChange: (held: number, waiting: number) => void = () => {},
): CellLimiter {
  const held = new Set<string>();
  const queue: { cellId: string; admit: () => void }[] = [];
  const changed = (): void => onChange(held.size, queue.length);
  const admitNext = (): void => {
    while (held.size < maximum) {
      const next = queue.shift();
      if (!next) break;
      held.add(next.cellId);
      next.admit();
    }
    changed();
  };
  const hold = (cellId: string): void => {
    held.add(cellId);
    changed();
  };
  return {
    hold,
    tryAcquire: (cellId) => {
      if (held.has(cellId)) return true;
      if (held.size >= maximum || queue.length > 0) return false;
      hold(cellId);
      return true;
    },
    acquire: async (cellId, signal, onQueued) => {
      signal.throwIfAborted();
      if (held.has(cellId)) return;
      if (held.size < maximum) return hold(cellId);
      await new Promise<void>((resolve, reject) => {
        const abandon = (): void => {
          const index = queue.indexOf(entry);
          if (index >= 0) queue.splice(index, 1);
          changed();
          reject(signal.reason);
        };
        const entry = {
          cellId,
          admit: () => {
            signal.removeEventListener("abort", abandon);
            resolve();
          },
        };
        signal.addEventListener("abort", abandon, { once: true });
        onQueued?.(queue.push(entry));
        changed();
      });
    },
    release: (cellId) => {
      if (held.delete(cellId)) admitNext();
    },
    held: () => [...held],
    waiting: () => queue.length,
  };
}

/** Limits how many cells may exist at once on this worker. Waiting cells are served in order of arrival. */
export interface CellLimiter {
  /**
   * Acquires a place for a cell; returns at once if the cell already holds one. Rejects with the signal's reason when
   * aborted.
   */
  readonly acquire: (cellId: string, signal: AbortSignal, onQueued?: (ahead: number) => void) => Promise<void>;
  /** Acquires a place if one is free and no cell is waiting; otherwise returns false. */
  readonly tryAcquire: (cellId: string) => boolean;
  /** Counts a cell that already exists, even beyond the maximum, because it cannot be made to wait. */
  readonly hold: (cellId: string) => void;
  /** Releases a cell's place; does nothing if it holds none. */
  readonly release: (cellId: string) => void;
  /** The cells that hold a place. */
  readonly held: () => readonly string[];
  /** How many cells are waiting. */
  readonly waiting: () => number;
}

/** Creates a limiter with `maximum` places. */
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

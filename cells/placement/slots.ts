import type { PlacementLimit } from "./placement.ts";

/** Options of {@link createSlots}. */
export interface SlotsOptions {
  /** The name of the setting, for messages. */
  readonly setting: string;
  readonly maximum: number;
  /**
   * The cells that this worker admitted and that still exist, if they may end or move to another worker without this
   * worker's doing. @default a cell has its slot from its admission until it is released
   */
  readonly admitted?: () => readonly string[];
}

/** Bounds how many cells a worker has at once. */
export function createSlots({ setting, maximum, admitted }: SlotsOptions): PlacementLimit {
  const held = new Set<string>();
  const hold = (cellId: string): void => void held.add(cellId);
  return {
    refusal: ({ cellId }) => {
      const others = new Set([...held, ...(admitted?.() ?? [])]);
      others.delete(cellId);
      return others.size >= maximum ? `${setting}: ${maximum}` : undefined;
    },
    ...(admitted === undefined && { admit: ({ cellId }) => hold(cellId) }),
    hold,
    held: () => held.size,
    release: (cellId) => void held.delete(cellId),
  };
}

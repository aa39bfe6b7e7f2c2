import { type Rollout, rolloutId } from "#core/agents/rollout";

/** The rollouts that are not recorded yet, in the order in which they began. */
export interface PendingRollouts {
  readonly add: (rollout: Rollout) => void;
  readonly first: () => Rollout | undefined;
  readonly remove: (rollout: Rollout) => void;
  readonly size: () => number;
}

/**
 * Creates the list.
 *
 * @param maximum above it the oldest is given up. @default 10000
 * @param onGivenUp called for each rollout that is given up
 */
export function pendingRollouts(onGivenUp: (rollout: Rollout) => void, maximum = 10_000): PendingRollouts {
  const pending = new Map<string, Rollout>();
  const first = (): Rollout | undefined => pending.values().next().value;
  return {
    add: (rollout) => {
      pending.set(rolloutId(rollout), rollout);
      const oldest = first();
      if (pending.size <= maximum || oldest === undefined) return;
      pending.delete(rolloutId(oldest));
      onGivenUp(oldest);
    },
    first,
    remove: (rollout) => void pending.delete(rolloutId(rollout)),
    size: () => pending.size,
  };
}

/** The calls that their clients have interrupted before they began. They are not carried out. */
export interface Withdrawals {
  /** Withdraws a call, also one that has not come yet: an interrupt may overtake it. */
  readonly add: (updateId: string) => void;
  /** Whether a call is withdrawn. It is then forgotten. */
  readonly take: (updateId: string) => boolean;
}

/** How many ids are kept. Most of those that are interrupted after their end are never asked for. */
const maximumIds = 100;

/** The server takes no longer update id. */
const longestId = 1000;

/** Creates an empty set. */
export function createWithdrawals(): Withdrawals {
  const ids = new Set<string>();
  return {
    add: (updateId) => {
      if (updateId.length > longestId) return;
      ids.add(updateId);
      const [oldest] = ids;
      if (ids.size > maximumIds && oldest !== undefined) ids.delete(oldest);
    },
    take: (updateId) => ids.delete(updateId),
  };
}

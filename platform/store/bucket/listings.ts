import type { StoredSegment } from "./segments.ts";

/** The segments of a run, by the references of its artifacts. */
export type Listing = ReadonlyMap<string, readonly StoredSegment[]>;

/** How long a follower waits until it looks for new segments: a bucket says nothing by itself. */
const lookMilliseconds = 500;
/** A service lists so many objects in one answer. */
const objectsPerAnswer = 1000;

/** How long until the next look, so that a follower asks the service twice a second at most, however many answers a listing takes. */
export function pauseAfter(listing: Listing): number {
  let objects = 0;
  for (const segments of listing.values()) objects += segments.length;
  return lookMilliseconds * Math.max(1, Math.ceil(objects / objectsPerAnswer));
}

/** The newest listings. */
export interface Listings {
  readonly keep: (key: string, listing: Listing) => void;
  /** What the newest listing of a run has found; nothing where that is not kept any more. */
  readonly of: (key: string) => Listing;
  /** Calls back each time when it is worth while to list a run again. Returns how to end that. */
  readonly follow: (key: string, look: () => void) => () => void;
}

/** Keeps the listings of the runs that are followed, and the newest one: whoever lists a run mostly reads it next. */
export function createListings(): Listings {
  const kept = new Map<string, Listing>();
  /** How many follow a run. */
  const followers = new Map<string, number>();
  let newest = "";
  const of = (key: string): Listing => kept.get(key) ?? new Map();
  const forget = (key: string): void => {
    if (key !== newest && !followers.has(key)) kept.delete(key);
  };
  return {
    of,
    keep: (key, listing) => {
      kept.set(key, listing);
      const before = newest;
      newest = key;
      forget(before);
    },
    follow: (key, look) => {
      followers.set(key, (followers.get(key) ?? 0) + 1);
      let timer: NodeJS.Timeout;
      const wait = (): void => {
        timer = setTimeout(
          () => {
            look();
            wait();
          },
          pauseAfter(of(key)),
        );
      };
      wait();
      let ended = false;
      return () => {
        if (ended) return;
        ended = true;
        clearTimeout(timer);
        const others = (followers.get(key) ?? 1) - 1;
        if (others > 0) followers.set(key, others);
        else followers.delete(key);
        forget(key);
      };
    },
  };
}

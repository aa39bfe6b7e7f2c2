import type { StoredSegment } from "./segments.ts";

/** The segments of a run, by the references of its artifacts. */
export type Listing = ReadonlyMap<string, readonly StoredSegment[]>;

/** The polling interval for new segments, in milliseconds. Buckets send no notifications. */
const lookMilliseconds = 500;
/** The number of objects in one response of a listing. */
const objectsPerAnswer = 1000;

/**
 * The pause before the next poll. A follower makes at most two requests a second, however many responses a listing
 * takes.
 */
export function pauseAfter(listing: Listing): number {
  let objects = 0;
  for (const segments of listing.values()) objects += segments.length;
  return lookMilliseconds * Math.max(1, Math.ceil(objects / objectsPerAnswer));
}

/** Cached listings. */
export interface Listings {
  readonly keep: (key: string, listing: Listing) => void;
  /** The latest listing of a run; empty if it is not cached. */
  readonly of: (key: string) => Listing;
  /** Calls back each time a run should be listed again. Returns a function that stops it. */
  readonly follow: (key: string, look: () => void) => () => void;
}

/** Caches the listings of followed runs and the latest listing, because a list is usually followed by a read. */
export function createListings(): Listings {
  const kept = new Map<string, Listing>();
  /** The number of followers of a run. */
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

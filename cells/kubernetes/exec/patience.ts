/** How long a cell that does not answer is tried again. */
import { collectionPatience } from "./stop-signals.ts";

/** The time at which to give up, in milliseconds since the epoch, depending on whether the API server answers now. */
export type Patience = (serverAnswers: boolean) => number;

/** What a patience is counted from. */
export interface PatienceStart {
  /** When the code's time is over, or its connection broke, whichever is later: milliseconds since the epoch. */
  readonly from: number;
  /** How long a node may be unresponsive, in milliseconds. */
  readonly nodePatience: number;
  /** @default Date.now */
  readonly now?: () => number;
}

/**
 * Creates the patience with one broken connection. A node that does not answer gets less time than an API server. The
 * time in which the server was away is not the node's: its time begins again when the server is back.
 */
export function patienceWith({ from, nodePatience, now = Date.now }: PatienceStart): Patience {
  let isAway = false;
  let backSince = from;
  return (serverAnswers) => {
    if (!serverAnswers) {
      isAway = true;
      return from + collectionPatience;
    }
    if (isAway) backSince = Math.max(from, now());
    isAway = false;
    // A server that comes and goes does not prolong this for ever.
    return Math.max(from + nodePatience, Math.min(backSince + nodePatience, from + collectionPatience));
  };
}

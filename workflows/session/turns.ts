/** Lets the programs of a session run one at a time, in order of arrival. */
export interface Turns {
  readonly take: <Value>(work: () => Promise<Value>) => Promise<Value>;
  /** How many run or wait. */
  readonly length: () => number;
}

/** Creates an empty queue. */
export function createTurns(): Turns {
  let last: Promise<unknown> = Promise.resolve();
  let length = 0;
  return {
    take: (work) => {
      length += 1;
      const mine = last.then(work).finally(() => {
        length -= 1;
      });
      last = mine.catch(() => {});
      return mine;
    },
    length: () => length,
  };
}

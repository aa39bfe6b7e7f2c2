/** A time between 0.9 and 1.1 times the given one, so that many keys do not come due at once. */
export const jittered = (milliseconds: number, random: () => number = Math.random): number =>
  milliseconds * (0.9 + 0.2 * random());

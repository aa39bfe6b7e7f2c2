export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const [low, high] = [sorted[Math.ceil(sorted.length / 2) - 1] ?? Number.NaN, sorted[middle] ?? Number.NaN];
  return (low + high) / 2;
}

/** The smallest value that a share of the values does not exceed. @param share from 0 to 1 */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;
}

/** One comparison: the figures of both sides, and the median of the pairwise ratios. */
export interface Comparison {
  readonly ours: number;
  readonly peer: number;
  readonly ratio: number;
}

/**
 * Measures two actions in turn, A B A B ..., so that changes in the machine's speed affect both alike.
 *
 * @param rounds pairs that count; `warmUp` pairs before them do not
 */
export async function inPairs(
  rounds: number,
  warmUp: number,
  ours: () => Promise<number>,
  peer: () => Promise<number>,
): Promise<Comparison> {
  const pairs: [number, number][] = [];
  for (let round = -warmUp; round < rounds; round += 1) {
    const pair: [number, number] = [await ours(), await peer()];
    if (round >= 0) pairs.push(pair);
  }
  return {
    ours: median(pairs.map(([a]) => a)),
    peer: median(pairs.map(([, b]) => b)),
    ratio: median(pairs.map(([a, b]) => a / b)),
  };
}

/** The duration of an action, in milliseconds. */
export async function timed(action: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await action();
  return performance.now() - start;
}

/** Runs an action `count` times, `atOnce` of them concurrently. Returns the rate per second. */
export async function throughput(count: number, atOnce: number, action: () => Promise<unknown>): Promise<number> {
  let left = count;
  const milliseconds = await timed(() =>
    Promise.all(
      Array.from({ length: atOnce }, async () => {
        while (left > 0) {
          left -= 1;
          await action();
        }
      }),
    ),
  );
  return (count * 1000) / milliseconds;
}

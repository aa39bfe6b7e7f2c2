import { startBenchStack } from "./stack.ts";
import { type Comparison, inPairs, throughput, timed } from "./statistics.ts";

const line = (what: string, { ours, peer, ratio }: Comparison, unit: string, goal: string): string =>
  `${what}: ours ${ours.toFixed(1)} ${unit}, peer ${peer.toFixed(1)} ${unit}, ratio ${ratio.toFixed(2)} (goal ${goal})`;

/**
 * Compares a run of `true` through the API with three bare activities on the same server, then on an untuned server.
 */
export async function* measureOverhead(binaries: { temporal: string; bubblewrap: string }): AsyncGenerator<string> {
  let tunedMedian: number;
  {
    await using stack = await startBenchStack(binaries);
    const latency = await inPairs(
      60,
      10,
      () => timed(stack.runTrue),
      () => timed(stack.runPeer),
    );
    tunedMedian = latency.ours;
    yield line("executeCode of `true`, p50", latency, "ms", "<= 1.3");
    const rates = await inPairs(
      5,
      1,
      () => throughput(100, 10, stack.runTrue),
      () => throughput(100, 10, stack.runPeer),
    );
    yield line("the same, 10 in flight", rates, "runs/s", ">= 0.8");
  }
  await using stock = await startBenchStack(binaries, { stock: true });
  const latency = await inPairs(
    20,
    3,
    () => timed(stock.runTrue),
    () => timed(stock.runPeer),
  );
  yield line("on a server as it comes, p50", latency, "ms", "none");
  yield `the tuned server beside the one as it comes: ${(latency.ours / tunedMedian).toFixed(1)} x faster (goal >= 4); the peer there beside ours on the tuned one: ${(latency.peer / tunedMedian).toFixed(1)} x`;
}

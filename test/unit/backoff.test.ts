import { expect, it } from "vitest";
import { createBackoff } from "#platform/host/backoff";

it.each([
  ["twice as long", { first: 1, longest: 10 }, [1, 2, 4, 8, 10, 10]],
  ["longer by a factor", { first: 4, longest: 10, factor: 1.5 }, [4, 6, 9, 10, 10]],
])("each pause is %s, up to a bound, and the first one again after a reset", async (_how, times, lengths) => {
  const backoff = createBackoff(times);
  for (const length of lengths) {
    expect(backoff.next()).toBe(length);
    const begin = performance.now();
    await backoff.pause();
    // Timers of Node.js may fire up to a millisecond early.
    expect(performance.now() - begin).toBeGreaterThan(length - 1.5);
  }
  backoff.reset();
  expect(backoff.next()).toBe(times.first);
});

it("a pause ends when its signal is aborted, and the next one is longer all the same", async () => {
  const backoff = createBackoff({ first: 3_600_000, longest: 7_200_000 });
  const stop = new AbortController();
  const pause = backoff.pause(stop.signal);
  stop.abort();
  await pause;
  await backoff.pause(stop.signal);
  expect(backoff.next()).toBe(7_200_000);
});

/** The operator's queue: deduplication, retries, priorities, rate and end. */
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { createRateLimit } from "#operator/queue/rate-limit";
import { createWorkQueue, type Processed, type WorkQueueOptions } from "#operator/queue/work-queue";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** A queue whose keys are processed until the test says so. */
function scene(options: Partial<WorkQueueOptions> = {}) {
  const log: string[] = [];
  const open = new Map<string, PromiseWithResolvers<Processed>>();
  const failures: [string, number][] = [];
  const queue = createWorkQueue({
    process: (key, signal) => {
      log.push(key);
      const call = Promise.withResolvers<Processed>();
      signal.addEventListener("abort", () => call.reject(signal.reason));
      open.set(key, call);
      return call.promise;
    },
    onFailure: (key, _error, pause) => void failures.push([key, pause]),
    ...options,
  });
  const settle = async (key: string, how: Processed | Error): Promise<void> => {
    const call = open.get(key);
    open.delete(key);
    if (how instanceof Error) call?.reject(how);
    else call?.resolve(how);
    await vi.advanceTimersByTimeAsync(0);
  };
  return { queue, log, open, failures, settle };
}

test("a key that waits is processed once, and at most four are processed at once", async () => {
  const { queue, log, settle } = scene();
  for (const key of ["a", "b", "c", "d", "e", "e", "e"]) queue.add(key, "high");
  expect(log).toEqual(["a", "b", "c", "d"]);
  expect(queue.state()).toMatchObject({ depth: 1, active: 4 });
  await settle("b", {});
  expect(log).toEqual(["a", "b", "c", "d", "e"]);
});

test("a key that changes while it is processed is processed once more", async () => {
  const { queue, log, settle } = scene();
  queue.add("a", "high");
  queue.add("a", "high");
  queue.add("a", "low");
  expect(log).toEqual(["a"]);
  await settle("a", {});
  expect(log).toEqual(["a", "a"]);
  await settle("a", {});
  expect(log).toEqual(["a", "a"]);
  expect(queue.state()).toEqual({ depth: 0, age: 0, active: 0 });
});

test("a user's change overtakes all keys of low priority, itself among them", async () => {
  const { queue, log, settle } = scene({ concurrency: 1 });
  for (const key of ["first", "b", "c", "d"]) queue.add(key, "low");
  queue.add("d", "high");
  queue.add("new", "high");
  for (const key of ["first", "d", "new", "b"]) await settle(key, {});
  expect(log).toEqual(["first", "d", "new", "b", "c"]);
});

test("the age is that of the oldest key that waits", async () => {
  const { queue } = scene({ concurrency: 1 });
  queue.add("a", "low");
  queue.add("b", "low");
  await vi.advanceTimersByTimeAsync(2000);
  queue.add("c", "high");
  queue.add("b", "high");
  await vi.advanceTimersByTimeAsync(1000);
  expect(queue.state()).toEqual({ depth: 2, age: 3, active: 1 });
});

test("the back-off of a key doubles from 0.1 s to 5 min, and ends with a success", async () => {
  const { queue, log, failures, settle } = scene();
  queue.add("a", "high");
  for (let count = 0; count < 14; count += 1) {
    await settle("a", new Error("no"));
    await vi.advanceTimersByTimeAsync(300_000);
  }
  expect(failures.map(([, pause]) => pause)).toEqual([
    ...[100, 200, 400, 800, 1600, 3200, 6400, 12_800, 25_600, 51_200, 102_400, 204_800, 300_000, 300_000],
  ]);
  await settle("a", {});
  queue.add("a", "high");
  await settle("a", new Error("no"));
  expect(failures.at(-1)).toEqual(["a", 100]);
  expect(log).toHaveLength(16);
});

test("a change during a back-off is processed at once", async () => {
  const { queue, log, settle } = scene();
  queue.add("a", "high");
  await settle("a", new Error("no"));
  queue.add("a", "high");
  expect(log).toEqual(["a", "a"]);
  await settle("a", {});
  await vi.advanceTimersByTimeAsync(1000);
  expect(log).toEqual(["a", "a"]);
});

test("a key is processed again at its time, unless it is forgotten", async () => {
  const { queue, log, settle } = scene();
  for (const key of ["a", "b"]) queue.add(key, "high");
  for (const key of ["a", "b"]) await settle(key, { again: 500 });
  queue.forget("b");
  await vi.advanceTimersByTimeAsync(499);
  expect(log).toEqual(["a", "b"]);
  await vi.advanceTimersByTimeAsync(1);
  expect(log).toEqual(["a", "b", "a"]);
});

test("a closed queue waits for what is processed, then aborts it, and takes no more", async () => {
  const { queue, log, settle } = scene({ concurrency: 2 });
  for (const key of ["a", "b", "c"]) queue.add(key, "high");
  const closed = queue.close(1000);
  let over = false;
  void closed.then(() => {
    over = true;
  });
  await settle("a", {});
  queue.add("d", "high");
  await vi.advanceTimersByTimeAsync(999);
  expect(over).toBe(false);
  await vi.advanceTimersByTimeAsync(1);
  await closed;
  expect(log).toEqual(["a", "b"]);
});

test("it is idle when nothing waits and nothing is processed", async () => {
  const { queue, settle } = scene({ concurrency: 1 });
  await queue.idle();
  queue.add("a", "high");
  queue.add("b", "high");
  let over = false;
  void queue.idle().then(() => {
    over = true;
  });
  await settle("a", {});
  expect(over).toBe(false);
  await settle("b", {});
  expect(over).toBe(true);
});

test("the rate limit lets a burst through, and then the rate", async () => {
  // Vitest's timers do not replace those of node:timers/promises.
  const admit = createRateLimit(10, 5, (pause) => new Promise((resolve) => setTimeout(resolve, pause)));
  let sent = 0;
  const send = () =>
    admit().then(() => {
      sent += 1;
    });
  for (let count = 0; count < 30; count += 1) void send();
  await vi.advanceTimersByTimeAsync(0);
  expect(sent).toBe(5);
  await vi.advanceTimersByTimeAsync(1000);
  expect(sent).toBe(15);
  await vi.advanceTimersByTimeAsync(10_000);
  expect(sent).toBe(30);
  for (let count = 0; count < 30; count += 1) void send();
  await vi.advanceTimersByTimeAsync(0);
  expect(sent).toBe(35);
});

test("a request that waits for the rate ends with its signal", async () => {
  const admit = createRateLimit(1, 1);
  await admit();
  const leaving = new AbortController();
  const waiting = admit(leaving.signal);
  leaving.abort(new Error("the leader is another"));
  await expect(waiting).rejects.toMatchObject({ name: "AbortError" });
});

import { expect, test } from "vitest";
import { unlessAborted } from "#client/sdk/unless-aborted";

const never = new Promise<never>(() => {});

test("what comes is given, with a signal and without", async () => {
  const { signal } = new AbortController();
  expect(await unlessAborted(Promise.resolve(1), undefined)).toBe(1);
  expect(await unlessAborted(Promise.resolve(1), signal)).toBe(1);
  await expect(unlessAborted(Promise.reject(new Error("failed")), signal)).rejects.toThrow("failed");
});

test("an abort ends the wait, before it and during it", async () => {
  await expect(unlessAborted(never, AbortSignal.abort(new Error("before")))).rejects.toThrow("before");
  const during = new AbortController();
  const wait = unlessAborted(never, during.signal);
  during.abort(new Error("during"));
  await expect(wait).rejects.toThrow("during");
});

test("what fails after the abort ends no process", async () => {
  const work = Promise.reject(new Error("failed"));
  await expect(unlessAborted(work, AbortSignal.abort(new Error("before")))).rejects.toThrow("before");
});

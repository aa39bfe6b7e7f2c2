import { setTimeout as delay } from "node:timers/promises";
import { expect, test } from "vitest";
import { recent } from "#client/sdk/recent";

/** Counts the created values. Each contains the one before it. */
function counting(milliseconds: number, fails: (count: number) => boolean = () => false) {
  let count = 0;
  const get = recent<string>(milliseconds, async (before) => {
    count += 1;
    if (fails(count)) throw new Error(`failed ${count}`);
    return `${before ?? "nothing"} ${count}`;
  });
  return { get, count: () => count };
}

test("calls at the same time share what is made, and later ones get it too", async () => {
  const { get, count } = counting(60_000);
  expect(await Promise.all([get(), get(), get()])).toEqual(Array(3).fill("nothing 1"));
  expect(await get()).toBe("nothing 1");
  expect(count()).toBe(1);
});

test("what is old is made anew, from what was there", async () => {
  const { get } = counting(1);
  await get();
  await delay(5);
  expect(await get()).toBe("nothing 1 2");
});

test("what failed is tried again, and nothing is lost by it", async () => {
  const { get } = counting(1, (count) => count === 2);
  await get();
  await delay(5);
  await expect(get()).rejects.toThrow("failed 2");
  expect(await get()).toBe("nothing 1 3");
});

test("what was forgotten is made from nothing", async () => {
  const { get } = counting(60_000);
  await get();
  await get.forget();
  expect(await get()).toBe("nothing 2");
});

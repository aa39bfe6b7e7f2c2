/** Output by offset, with the artifact store and without it, while the code runs and afterwards. */
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import type { ExecutionHandle } from "#client/index";
import { readStreamRange } from "#client/sdk/output/read-range";
import type { Quartermaster } from "#client/sdk/quartermaster";
import { openYard, type Yard } from "./support.ts";

let yard: Yard;
beforeAll(async () => {
  yard = await openYard(inject("temporalAddress"));
});
afterAll(() => yard[Symbol.asyncDispose]());

const all = { offset: 0, length: 1_000_000_000 };
const text = ({ bytes }: { bytes: Uint8Array }): string => Buffer.from(bytes).toString("utf8");

describe.each([
  ["with the store", true],
  ["without it", false],
])("%s", (_, shared) => {
  let quartermaster: Quartermaster;
  beforeAll(() => {
    quartermaster = yard.quartermaster({ shared });
  });
  const read = async (
    handle: ExecutionHandle,
    stream: "stdout" | "stderr",
    range: { offset: number; length: number },
  ) => readStreamRange(handle, await quartermaster.store(), stream, range);

  it("what there is while the code runs, and that more may come", async () => {
    const handle = await quartermaster.start({
      code: "echo out; echo err >&2; sleep 600",
      language: "sh",
      timeout: "20m",
    });
    await expect.poll(async () => text(await read(handle, "stdout", all))).toBe("out\n");
    await expect.poll(async () => text(await read(handle, "stderr", all))).toBe("err\n");
    expect(await read(handle, "stdout", { offset: 1, length: 2 })).toMatchObject({
      total: 4,
      isGrowing: true,
      omitted: 0,
    });
    expect(text(await read(handle, "stdout", { offset: 1, length: 2 }))).toBe("ut");
    await handle.cancel();
    await handle.result();
    expect(await read(handle, "stdout", all)).toMatchObject({ total: 4, isGrowing: false });
  });

  it("any piece afterwards, and nothing behind the end", async () => {
    const handle = await quartermaster.start({ code: "print('0123456789', end='')" });
    await handle.result();
    expect(text(await read(handle, "stdout", { offset: 3, length: 4 }))).toBe("3456");
    expect(await read(handle, "stdout", { offset: 10, length: 4 })).toEqual({
      bytes: expect.objectContaining({ length: 0 }),
      omitted: 0,
      total: 10,
      isGrowing: false,
    });
    expect(await read(handle, "stderr", all)).toMatchObject({ total: 0, omitted: 0 });
  });

  it("of long output all, or how much of it is out of reach", async () => {
    const handle = await quartermaster.start({ code: "print('x' * 2_000_000, end='')" });
    const { stdout } = await handle.result();
    const middle = await read(handle, "stdout", { offset: 1_000_000, length: 10 });
    expect(middle).toMatchObject({ total: 2_000_000, omitted: shared ? 0 : expect.any(Number) });
    expect(text(middle)).toBe(shared ? "xxxxxxxxxx" : "");
    const tail = stdout.tail ?? 0;
    if (!shared) expect(middle.omitted).toBe(1_000_000 - tail);
    expect(text(await read(handle, "stdout", { offset: 2_000_000 - tail, length: 5 }))).toBe("xxxxx");
    expect(text(await read(handle, "stdout", { offset: 1_999_995, length: 10 }))).toBe("xxxxx");
  });

  it("what a run wrote that could not be carried out: nothing", async () => {
    const handle = await quartermaster.start({ code: "1", backend: "kubernetes" });
    await expect(handle.result()).rejects.toThrow();
    expect(await read(handle, "stdout", all)).toMatchObject({ total: 0, isGrowing: false });
  });
});

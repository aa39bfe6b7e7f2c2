/** The maximum number and size of output files that a run may return. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { afterAll, beforeAll, expect, it } from "vitest";
import { createFileCollector, maximumOutputFileBytes, maximumOutputFiles } from "#activities/output-files";
import { type DirectoryStore, openDirectoryStore } from "#platform/store/directory-store";
import { runKey } from "#platform/store/references";

let directory: string;
let store: DirectoryStore;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "kgents-outputs-"));
  store = await openDirectoryStore(directory);
});
afterAll(() => rm(directory, { recursive: true, force: true }));

it("takes so many files and no more", async () => {
  const { save, result } = createFileCollector(store, runKey("many", "files"), 1);
  for (let index = 0; index < maximumOutputFiles; index += 1) {
    expect(await save(`f${index}`, Readable.from(["x"]), 1)).toBe(true);
  }
  expect(await save("one more", Readable.from(["x"]), 1)).toBe(false);
  expect(result([]).files).toHaveLength(maximumOutputFiles);
});

it("takes so many bytes and no more, and a smaller file after one that was too large", async () => {
  const key = runKey("many", "bytes");
  const { save, result } = createFileCollector(store, key, 1);
  const large = 100 * 2 ** 20;
  const zeros = (bytes: number) =>
    Readable.from(
      (function* () {
        for (let left = bytes; left > 0; left -= 2 ** 20) yield Buffer.alloc(Math.min(left, 2 ** 20));
      })(),
    );
  expect(await save("one", zeros(large), large)).toBe(true);
  expect(await save("two", zeros(large), large)).toBe(true);
  expect(await save("three", zeros(large), large)).toBe(false);
  const rest = maximumOutputFileBytes - 2 * large;
  expect(await save("rest", zeros(rest), rest)).toBe(true);
  expect(await save("one byte", zeros(1), 1)).toBe(false);
  const { files } = result([]);
  expect(files.map(({ name, bytes, base64 }) => [name, bytes, base64])).toEqual([
    ["one", large, undefined],
    ["two", large, undefined],
    ["rest", rest, undefined],
  ]);
  expect((await store.list(key)).get(files[1]?.ref ?? "")).toBe(large);
});

it("lists two hundred of what was left out, and counts the others", () => {
  const { result } = createFileCollector(store, runKey("left", "out"), 1);
  const refused = Array.from({ length: 220 }, (_, index) => ({ name: `f${index}`, reason: "why" }));
  const { omitted } = result(refused);
  expect(omitted).toHaveLength(201);
  expect(omitted.at(-1)).toEqual({ name: "", reason: "20 more files were left out" });
});

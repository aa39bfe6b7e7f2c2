import { mkdtemp, rm, stat, utimes } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { finished } from "node:stream/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type ArtifactStore, openArtifactStore } from "../../activities/store/artifact-store.ts";
import { checkReference, runKey, streamReference } from "../../activities/store/references.ts";

let directory: string;
let store: ArtifactStore;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "kgents-store-"));
  store = await openArtifactStore(directory);
});
afterEach(() => rm(directory, { recursive: true, force: true }));

const key = runKey("a workflow", "a run");
const reference = streamReference(key, 1, "stdout");

async function write(to: string, content: string, offset = 0): Promise<void> {
  const file = store.write(to, offset);
  file.end(content);
  await finished(file);
}

describe("streams", () => {
  it("come into being with the first byte, and are gone on with from an offset", async () => {
    await write(reference, "");
    expect(await store.size(reference)).toBe(0);
    expect(store.read(reference, 0, 0)).toBeUndefined();
    await write(reference, "one ");
    await write(reference, "two", 4);
    expect(await store.size(reference)).toBe(7);
    expect(await text(store.read(reference, 4, 7) ?? Readable.from([]))).toBe("two");
  });

  it("take the same bytes from two writers, as when a worker that was taken for dead still writes", async () => {
    const bytes = Buffer.alloc(300_000, "0123456789");
    const early = store.write(reference);
    early.write(bytes.subarray(0, 200_000));
    const late = store.write(reference, 100_000);
    late.end(bytes.subarray(100_000));
    early.end(bytes.subarray(200_000));
    await Promise.all([finished(early), finished(late)]);
    expect(await text(store.read(reference) ?? Readable.from([]))).toBe(bytes.toString());
  });

  it("can be read by the owner alone", async () => {
    await write(reference, "secret");
    expect((await stat(join(directory, reference))).mode & 0o777).toBe(0o600);
    expect((await stat(join(directory, "runs", key))).mode & 0o777).toBe(0o700);
  });
});

describe("blobs", () => {
  it("are found by their hash", async () => {
    const { artifact, bytes } = await store.putBlob(Readable.from([Buffer.from("content")]));
    expect(bytes).toBe(7);
    expect(await text(await store.openBlob(artifact, 7))).toBe("content");
  });

  it.each([
    ["another length than the request says", 6],
    ["no length", 0],
  ])("%s is refused: bounds were checked with it", async (_name, bytes) => {
    const { artifact } = await store.putBlob(Readable.from([Buffer.from("content")]));
    await expect(store.openBlob(artifact, bytes)).rejects.toMatchObject({ code: "artifact-unavailable" });
  });

  it("one that is not there is refused by name", async () => {
    await expect(store.openBlob("0".repeat(64), 1)).rejects.toMatchObject({ code: "artifact-unavailable" });
  });
});

describe("expiry", () => {
  it("removes what was last written before a moment, and nothing else", async () => {
    await write(reference, "old");
    const other = streamReference(runKey("another", "run"), 1, "stderr");
    await write(other, "new");
    const past = new Date(Date.now() - 3_600_000);
    await utimes(join(directory, reference), past, past);
    await utimes(join(directory, "runs", key), past, past);
    expect(await store.expire(new Date(Date.now() - 60_000))).toBe(1);
    expect([await store.size(reference), await store.size(other)]).toEqual([0, 3]);
  });

  it("goes by the longest retention of all namespaces that share the store", async () => {
    expect(await store.agreeOnRetention("one", 1000)).toBe(1000);
    expect(await store.agreeOnRetention("two", 5000)).toBe(5000);
    expect(await store.agreeOnRetention("one", 2000)).toBe(5000);
    expect(await store.agreeOnRetention("two", 100)).toBe(2000);
  });
});

it("two openings of one directory see one store", async () => {
  expect((await openArtifactStore(directory)).id).toBe(store.id);
});

it.each([
  "../etc/passwd",
  "runs/../../x",
  "/etc/passwd",
  "runs/x/1.stdout",
  `blobs/${"g".repeat(64)}`,
  `runs/${key}/1.stdout/x`,
  "",
])("%j is no reference", (name) => {
  expect(() => checkReference(name)).toThrow(expect.objectContaining({ code: "invalid-request" }));
});

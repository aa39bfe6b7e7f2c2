/** The tests that every artifact store must pass. */
import { Readable } from "node:stream";
import { buffer, text } from "node:stream/consumers";
import { finished } from "node:stream/promises";
import { beforeEach, describe, expect, it } from "vitest";
import type { ArtifactStore } from "#platform/store/artifact-store";
import { fileReference, runKey, streamReference } from "#platform/store/references";

/** Writes to an artifact, and closes it. */
export async function writeArtifact(store: ArtifactStore, to: string, content: string | Buffer, offset = 0) {
  const file = store.write(to, offset);
  file.end(content);
  await finished(file);
}

/** Reads everything that a store has of an artifact. */
export async function readArtifact(store: ArtifactStore, key: string, reference: string): Promise<string> {
  const size = (await store.list(key)).get(reference) ?? 0;
  return text(store.read(reference, 0, size));
}

let runs = 0;

/** A run that has no artifacts yet. */
export function newRun(): { key: string; stdout: string } {
  runs += 1;
  const key = runKey(`a workflow ${process.pid}`, `run ${runs}`);
  return { key, stdout: streamReference(key, 1, "stdout") };
}

/** @param open the store under test; called once for each test */
export function describeStore(open: () => ArtifactStore): void {
  let store: ArtifactStore;
  let key: string;
  let stdout: string;
  beforeEach(() => {
    store = open();
    ({ key, stdout } = newRun());
  });

  describe("streams", () => {
    it("come into being with the first byte, and are gone on with from an offset", async () => {
      await writeArtifact(store, stdout, "");
      expect((await store.list(key)).get(stdout) ?? 0).toBe(0);
      await writeArtifact(store, stdout, "one ");
      expect(await store.settle(key)).toBeNull();
      await writeArtifact(store, stdout, "two", 4);
      expect((await store.list(key)).get(stdout)).toBe(7);
      expect(await text(store.read(stdout, 4, 7))).toBe("two");
      expect(await text(store.read(stdout, 2, 6))).toBe("e tw");
      expect(await text(store.read(stdout, 7, 7))).toBe("");
    });

    it("take the same bytes from two writers, as when a worker that was taken for dead still writes", async () => {
      const bytes = Buffer.alloc(300_000, "0123456789");
      const early = store.write(stdout);
      early.write(bytes.subarray(0, 200_000));
      const late = store.write(stdout, 100_000);
      late.end(bytes.subarray(100_000));
      early.end(bytes.subarray(200_000));
      await Promise.all([finished(early), finished(late)]);
      expect(await readArtifact(store, key, stdout)).toBe(bytes.toString());
      expect(await store.settle(key)).toBeNull();
      expect(await readArtifact(store, key, stdout)).toBe(bytes.toString());
    });

    it("are byte-exact, also where they are large", async () => {
      const bytes = Buffer.alloc(20 * 2 ** 20, Buffer.from([0, 1, 254, 255, 10, 13, 7]));
      await writeArtifact(store, stdout, bytes);
      expect(await store.settle(key)).toBeNull();
      const read = await buffer(store.read(stdout, 0, (await store.list(key)).get(stdout) ?? 0));
      expect(read.equals(bytes)).toBe(true);
    });

    it("are seen by a follower while they are written", async () => {
      const file = store.write(stdout);
      file.write("begun");
      let stop = (): void => {};
      await new Promise<void>((resolve) => {
        const look = async (): Promise<void> => {
          if ((await store.list(key)).get(stdout) === 5) resolve();
        };
        stop = store.watch(key, () => void look());
      });
      stop();
      expect(await text(store.read(stdout, 0, 5))).toBe("begun");
      file.end();
      await finished(file);
      expect(await store.settle(key)).toBeNull();
    });

    it("of one run are not another's", async () => {
      const other = newRun();
      const file = fileReference(key, 1, 0);
      await writeArtifact(store, stdout, "mine");
      await writeArtifact(store, file, "my file");
      await writeArtifact(store, other.stdout, "theirs");
      await Promise.all([store.settle(key), store.settle(other.key)]);
      expect([...(await store.list(key))].sort()).toEqual([
        [file, 7],
        [stdout, 4],
      ]);
    });
  });

  describe("blobs", () => {
    it("are found by their hash", async () => {
      const { artifact, bytes } = await store.putBlob(Readable.from([Buffer.from("content")]));
      expect(bytes).toBe(7);
      expect(await text(await store.openBlob(artifact, 7))).toBe("content");
      // The same content results in the same blob.
      expect(await store.putBlob(Readable.from([Buffer.from("content")]))).toEqual({ artifact, bytes });
    });

    it("may be empty, or large", async () => {
      const large = Buffer.alloc(9 * 2 ** 20, "large");
      for (const content of [Buffer.alloc(0), large]) {
        const { artifact, bytes } = await store.putBlob(Readable.from([content]));
        expect((await buffer(await store.openBlob(artifact, bytes))).equals(content)).toBe(true);
      }
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
    it("goes by the longest retention of all namespaces that share the store", async () => {
      expect(await store.agreeOnRetention("one", 1000)).toBe(1000);
      expect(await store.agreeOnRetention("two", 5000)).toBe(5000);
      expect(await store.agreeOnRetention("one", 2000)).toBe(5000);
      expect(await store.agreeOnRetention("two", 100)).toBe(2000);
    });

    it("is claimed by one of several at once, and by nobody again for a while", async () => {
      const hour = 3_600_000;
      const claim = () => Promise.all(Array.from({ length: 8 }, () => store.claimExpiry(hour)));
      expect((await claim()).filter(Boolean)).toHaveLength(1);
      expect((await claim()).filter(Boolean)).toHaveLength(0);
      // Zero retention: any elapsed time is long enough.
      expect(await store.claimExpiry(0)).toBe(true);
      expect((await claim()).filter(Boolean)).toHaveLength(0);
    });

    it("removes what is older than a moment, of runs and blobs, and nothing else", async () => {
      await writeArtifact(store, stdout, "old");
      await store.settle(key);
      const { artifact, bytes } = await store.putBlob(Readable.from([Buffer.from("an old blob")]));
      expect(await store.expire(new Date(Date.now() - 3_600_000))).toBe(0);
      expect((await store.list(key)).get(stdout)).toBe(3);
      // With a cut-off in the future, everything is old.
      expect(await store.expire(new Date(Date.now() + 3_600_000))).toBeGreaterThanOrEqual(2);
      expect((await store.list(key)).get(stdout) ?? 0).toBe(0);
      await expect(store.openBlob(artifact, bytes)).rejects.toMatchObject({ code: "artifact-unavailable" });
    });
  });

  it.each([
    "../etc/passwd",
    "runs/../../x",
    "/etc/passwd",
    "runs/x/1.stdout",
    `blobs/${"g".repeat(64)}`,
    `runs/${"0".repeat(32)}/1.stdout/x`,
    "",
  ])("%j is no reference", (name) => {
    expect(() => store.write(name)).toThrow(expect.objectContaining({ code: "invalid-request" }));
    expect(() => store.read(name, 0, 1)).toThrow(expect.objectContaining({ code: "invalid-request" }));
  });
}

/** The disk space of a store, what is removed to make room, and the error if there is none. */
import { mkdtemp, readdir, readFile, rm, stat, truncate, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { finished } from "node:stream/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type DirectoryStore, openDirectoryStore } from "#platform/store/directory-store";
import { canMount, mountSmallDisk } from "../support/small-disk.ts";
import { newRun, writeArtifact } from "../support/store-contract.ts";

const kibibyte = 1024;
let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "kgents-bounds-"));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

const makeOlder = async (path: string, minutes: number): Promise<void> => {
  const then = new Date(Date.now() - minutes * 60_000);
  for (const name of (await stat(path)).isDirectory() ? await readdir(path) : [])
    await utimes(join(path, name), then, then);
  await utimes(path, then, then);
};

/** Writes 300 KiB as a run that is the given number of minutes old. Returns its key. */
async function runOf(store: DirectoryStore, minutes: number): Promise<string> {
  const { key, stdout } = newRun();
  await writeArtifact(store, stdout, Buffer.alloc(300 * kibibyte, "x"));
  await makeOlder(join(directory, "runs", key), minutes);
  return key;
}

describe("a store that has grown beyond its size", () => {
  it("loses its oldest runs, and then content that nobody uses, down to nine tenths", async () => {
    const removed: string[] = [];
    const store = await openDirectoryStore(directory, {
      maximumSize: 1024 * kibibyte,
      minimumFree: 0,
      log: (line) => removed.push(line),
    });
    const [third, oldest, second] = [await runOf(store, 10), await runOf(store, 30), await runOf(store, 20)];
    await store.makeRoom();
    expect(removed).toEqual([]);
    const newest = await runOf(store, 0);
    const { artifact } = await store.putBlob(Readable.from([Buffer.alloc(300 * kibibyte)]));
    await makeOlder(join(directory, "blobs", artifact), 48 * 60);
    const again = await openDirectoryStore(directory, {
      maximumSize: 1024 * kibibyte,
      minimumFree: 0,
      log: (line) => removed.push(line),
    });
    await again.makeRoom();
    expect((await readdir(join(directory, "runs"))).sort()).toEqual([third, newest].sort());
    expect(removed.map((line) => [oldest, second].findIndex((key) => line.includes(key)))).toEqual([0, 1]);
    expect(await readdir(join(directory, "blobs"))).toEqual([artifact]);
  });

  it("keeps what runs that go on have written and use, and refuses another", async () => {
    const store = await openDirectoryStore(directory, { maximumSize: 700 * kibibyte, minimumFree: 0 });
    const { artifact } = await store.putBlob(Readable.from([Buffer.alloc(300 * kibibyte)]));
    await makeOlder(join(directory, "blobs", artifact), 48 * 60);
    const [live, stopped] = [await runOf(store, 60), await runOf(store, 50)];
    const held = await store.hold(live, [artifact]);
    const left = await store.hold(stopped, []);
    left.leave();
    await expect(store.makeRoom()).rejects.toMatchObject({
      code: "disk-full",
      message: expect.stringContaining("that runs still use"),
    });
    expect([await readdir(join(directory, "runs")), await readdir(join(directory, "blobs"))]).toEqual([
      [live, stopped].sort(),
      [artifact],
    ]);
    // A dead worker renews nothing.
    await makeOlder(join(directory, "live", stopped), 16);
    await store.makeRoom();
    expect(await readdir(join(directory, "runs"))).toEqual([live]);
    await held.release();
    expect(await readdir(join(directory, "live"))).toEqual([]);
  });

  it("keeps what is held until a time, whatever its age, and not the run that was used before", async () => {
    const store = await openDirectoryStore(directory, { maximumSize: 100 * kibibyte, minimumFree: 0 });
    const [before, latest] = [await runOf(store, 60), await runOf(store, 60)];
    const session = newRun().key;
    for (const used of [before, latest]) {
      await (await store.hold(session, [used])).until(Date.now() + 3_600_000);
    }
    await expect(store.makeRoom()).rejects.toMatchObject({ code: "disk-full" });
    expect(await store.expire(new Date())).toBe(0);
    expect(await readdir(join(directory, "runs"))).toEqual([latest]);
    await (await store.hold(session, [latest])).until(Date.now() - 1);
    expect(await store.expire(new Date())).toBe(1);
    expect(await readdir(join(directory, "live"))).toEqual([]);
  });

  it("is measured in the background where it is known to be small", async () => {
    const store = await openDirectoryStore(directory, { maximumSize: 1024 * kibibyte, minimumFree: 0 });
    await store.makeRoom();
    for (let run = 0; run < 5; run += 1) await runOf(store, 60);
    await store.makeRoom();
    expect(await readdir(join(directory, "runs"))).toHaveLength(5);
  });
});

it("with less free than is kept free, no run is taken and nothing is removed", async () => {
  const store = await openDirectoryStore(directory, { minimumFree: 2 ** 60 });
  const run = await runOf(store, 60);
  await expect(store.makeRoom()).rejects.toMatchObject({
    code: "disk-full",
    message: expect.stringMatching(/ has \d+ MiB left, and \d+ MiB are kept free$/),
    remedy: expect.stringContaining("Free space"),
  });
  expect(await readdir(join(directory, "runs"))).toEqual([run]);
});

describe.each(canMount ? ["tmpfs"] : [])("a full disk (%s)", () => {
  it("is named by whatever meets it, and leaves nothing half-written", async () => {
    await using disk = await mountSmallDisk(1024 * kibibyte);
    const store = await openDirectoryStore(disk.directory, { minimumFree: 0 });
    const { stdout } = newRun();
    const content = Buffer.alloc(2048 * kibibyte);
    const full = { code: "disk-full", message: expect.stringContaining("ENOSPC") };
    const stream = store.write(stdout);
    stream.end(content);
    await expect(finished(stream)).rejects.toMatchObject(full);
    await rm(join(disk.directory, stdout));
    await expect(store.putBlob(Readable.from([content]))).rejects.toMatchObject(full);
    expect(await readdir(join(disk.directory, "blobs"))).toEqual([]);
    await disk.fill();
    await expect(store.hold("0".repeat(32), ["1".repeat(64)])).rejects.toMatchObject(full);
    await expect(store.agreeOnRetention("default", 1000)).rejects.toThrow("ENOSPC");
    expect((await readdir(disk.directory)).filter((name) => name.startsWith("."))).toEqual([]);
  });
});

describe("what a store is made of", () => {
  it.each([0o000, 0o022, 0o077, 0o277, 0o777])("is the owner's alone under the umask %i", async (mask) => {
    const before = process.umask(mask);
    try {
      const store = await openDirectoryStore(join(directory, "store"));
      const { key, stdout } = newRun();
      store.watch(key, () => {})();
      await writeArtifact(store, stdout, "one ");
      await writeArtifact(store, stdout, "two", 4);
      const { artifact } = await store.putBlob(Readable.from(["x"]));
      await store.agreeOnRetention("default", 1000);
      await store.hold(key, []);
      const [retention] = await readdir(join(directory, "store/retention"));
      const modeOf = async (path: string) => ((await stat(join(directory, "store", path))).mode & 0o777).toString(8);
      const folders = [".", "runs", "blobs", `runs/${key}`, "retention", "live"];
      const files = [stdout, `blobs/${artifact}`, `retention/${retention}`, `live/${key}`];
      expect(await Promise.all(folders.map(modeOf))).toEqual(folders.map(() => "700"));
      expect(await Promise.all(files.map(modeOf))).toEqual(files.map(() => "600"));
    } finally {
      process.umask(before);
    }
  });

  it("content is checked against its name when it is read", async () => {
    const store = await openDirectoryStore(directory);
    const { artifact, bytes } = await store.putBlob(Readable.from([Buffer.from("content")]));
    await writeFile(join(directory, "blobs", artifact), "CONTENT");
    await expect(buffer(await store.openBlob(artifact, bytes))).rejects.toMatchObject({ code: "artifact-unavailable" });
  });

  it("an entry of the retention that says nothing removes nothing", async () => {
    const store = await openDirectoryStore(directory);
    expect(await store.agreeOnRetention("one", 5000)).toBe(5000);
    const [name = ""] = await readdir(join(directory, "retention"));
    await truncate(join(directory, "retention", name));
    await expect(store.agreeOnRetention("other", 1000)).rejects.toThrow("retention");
    // The owner writes it again.
    expect(await store.agreeOnRetention("one", 5000)).toBe(5000);
    expect(await store.agreeOnRetention("other", 1000)).toBe(5000);
    expect(await readFile(join(directory, "retention", name), "utf8")).toBe("5000");
  });
});

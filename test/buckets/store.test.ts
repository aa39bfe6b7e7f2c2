import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { finished } from "node:stream/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ArtifactStore } from "#platform/store/artifact-store";
import { openBucketStore } from "#platform/store/bucket/bucket-store";
import type { SpoolSettings } from "#platform/store/bucket/spool";
import { blobReference } from "#platform/store/references";
import { describeStore, newRun, readArtifact, writeArtifact } from "../support/store-contract.ts";
import { filesIn } from "./files-in.ts";
import { type BucketServer, startBucketServer } from "./server.ts";

let server: BucketServer;
let directory: string;
let store: ArtifactStore;
/** A client on another machine, which has no spool. */
let reader: ArtifactStore;

/** The wait for an unavailable bucket is shorter than in production. */
const spoolIn = (path: string): SpoolSettings => ({ directory: path, patienceMilliseconds: 1500 });

beforeAll(async () => {
  server = await startBucketServer();
  directory = await mkdtemp(join(tmpdir(), "kgents-spool-"));
  store = await openBucketStore(server.settings, spoolIn(join(directory, "spool")));
  reader = await openBucketStore(server.settings, undefined);
});
afterAll(async () => {
  await store?.close();
  await reader?.close();
  await server?.[Symbol.asyncDispose]();
  await rm(directory, { recursive: true, force: true });
});

/** The files of a run that are still in the spool. */
const spooled = async (key: string): Promise<string[]> =>
  (await filesIn(join(directory, "spool"))).filter((name) => name.includes(key));

describe("as every store", () => describeStore(() => store));

it("two openings of one bucket see one store, another prefix is another one", async () => {
  expect(reader.id).toBe(store.id);
  const opened = await Promise.all(
    Array.from({ length: 5 }, () => openBucketStore({ ...server.settings, prefix: "new/" }, undefined)),
  );
  expect(new Set(opened.map(({ id }) => id)).size).toBe(1);
  expect(opened[0]?.id).not.toBe(store.id);
  await Promise.all(opened.map((one) => one.close()));
});

it.each([
  ["has too little free", { minimumFree: 2 ** 60 }, "kept free"],
  ["holds too much", { maximumSize: 1, minimumFree: 0 }, "that runs still use"],
])("a spool whose disk %s takes no more runs, and keeps what it has", async (_, bounds, words) => {
  const settings = spoolIn(join(directory, "another"));
  const bounded = await openBucketStore(server.settings, settings, bounds);
  await expect(bounded.makeRoom()).rejects.toMatchObject({
    code: "disk-full",
    message: expect.stringContaining(words),
  });
  await bounded.close();
  await store.makeRoom();
});

describe("another machine", () => {
  it("reads what a worker writes, while it is written, and all of it at the end", async () => {
    const { key, stdout } = newRun();
    const file = store.write(stdout);
    file.write("one ");
    let stop = (): void => {};
    const seen = (length: number): Promise<void> =>
      new Promise<void>((resolve) => {
        stop = reader.watch(key, async () => {
          if (((await reader.list(key)).get(stdout) ?? 0) >= length) resolve();
        });
      }).then(() => stop());
    await seen(4);
    expect(await readArtifact(reader, key, stdout)).toBe("one ");
    file.write("two ");
    await seen(8);
    file.end("three");
    await finished(file);
    expect(await store.settle(key)).toBeNull();
    expect(await readArtifact(reader, key, stdout)).toBe("one two three");
    expect(await text(reader.read(stdout, 2, 10))).toBe("e two th");
    expect(await spooled(key)).toEqual([]);
  });

  it("goes on with a stream that a worker elsewhere began", async () => {
    await using elsewhere = await openElsewhere();
    const { key, stdout } = newRun();
    await writeArtifact(store, stdout, "begun here, ");
    await store.settle(key);
    expect((await elsewhere.store.list(key)).get(stdout)).toBe(12);
    await writeArtifact(elsewhere.store, stdout, "ended there", 12);
    // Its own part is not in the bucket yet, and the other's part is not on this machine.
    expect(await readArtifact(elsewhere.store, key, stdout)).toBe("begun here, ended there");
    await elsewhere.store.settle(key);
    expect(await readArtifact(reader, key, stdout)).toBe("begun here, ended there");
  });
});

it("what was listed is read, also where a worker has written the beginning again meanwhile, and more of it", async () => {
  await using elsewhere = await openElsewhere();
  const { key, stdout } = newRun();
  await writeArtifact(store, stdout, "one ");
  await store.settle(key);
  expect((await reader.list(key)).get(stdout)).toBe(4);
  await writeArtifact(elsewhere.store, stdout, "one two");
  await elsewhere.store.settle(key);
  expect(await text(reader.read(stdout, 0, 4))).toBe("one ");
  expect(await text(reader.read(stdout, 2, 7))).toBe("e two");
});

async function openElsewhere(): Promise<{ store: ArtifactStore } & AsyncDisposable> {
  const spool = await mkdtemp(join(tmpdir(), "kgents-spool-"));
  const opened = await openBucketStore(server.settings, spoolIn(spool));
  return {
    store: opened,
    [Symbol.asyncDispose]: async () => {
      await opened.close();
      await rm(spool, { recursive: true, force: true });
    },
  };
}

it("content that was changed in the bucket is refused", async () => {
  const { artifact, bytes } = await store.putBlob(Readable.from([Buffer.from("genuine")]));
  const path = (await filesIn(server.directory)).find((name) => name.endsWith(blobReference(artifact))) ?? "";
  await writeFile(path, "altered");
  await expect(store.openBlob(artifact, bytes).then(text)).rejects.toThrow(/altered|content|checksum/i);
});

describe("a bucket that is away", () => {
  it("holds nobody up: what was written is read from here, and is in the bucket when that is back", async () => {
    const { key, stdout } = newRun();
    await server.stop();
    await writeArtifact(store, stdout, "kept");
    expect(await readArtifact(store, key, stdout)).toBe("kept");
    expect(await store.settle(key)).toMatch(
      /^1 artifacts of this run are not in the bucket yet, and go on being tried: .*ECONNREFUSED/,
    );
    expect(await readArtifact(store, key, stdout)).toBe("kept");
    await server.start();
    await expect.poll(() => store.settle(key)).toBeNull();
    expect(await readArtifact(reader, key, stdout)).toBe("kept");
    expect(await spooled(key)).toEqual([]);
  });

  it.each([
    ["no server", { endpoint: "http://127.0.0.1:9" }],
    ["no bucket", { name: "no-such-bucket" }],
  ])("%s: opening is refused in words", async (_name, other) => {
    const settings = { ...server.settings, ...other };
    await expect(openBucketStore(settings, undefined)).rejects.toMatchObject({
      code: "artifact-unavailable",
      message: expect.stringContaining(`the bucket ${settings.name} at ${settings.endpoint} cannot be used: `),
      remedy: expect.stringContaining("artifacts.bucket"),
    });
  });

  it("wrong credentials are refused in words", async () => {
    const { AWS_SECRET_ACCESS_KEY } = process.env;
    process.env.AWS_SECRET_ACCESS_KEY = "wrong";
    try {
      await expect(openBucketStore(server.settings, undefined)).rejects.toThrow(/SignatureDoesNotMatch/);
    } finally {
      process.env.AWS_SECRET_ACCESS_KEY = AWS_SECRET_ACCESS_KEY;
    }
  });
});

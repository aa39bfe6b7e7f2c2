/** Workers that share a store: one of them checks it for expired artifacts each hour. */
import { mkdtemp, rm, utimes } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pino } from "pino";
import { afterAll, afterEach, beforeAll, describe, expect, inject, it, vi } from "vitest";
import type { ArtifactStore } from "#platform/store/artifact-store";
import { openBucketStore } from "#platform/store/bucket/bucket-store";
import { openDirectoryStore } from "#platform/store/directory-store";
import { connectWorker, type WorkerConnections } from "#worker/connect";
import { startExpiry } from "#worker/expiry";
import { filesIn } from "./files-in.ts";
import { type BucketServer, startBucketServer } from "./server.ts";

const hour = 3_600_000;
const numberOfWorkers = 4;

let server: BucketServer;
let connections: WorkerConnections;
let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "kgents-expiry-"));
  server = await startBucketServer();
  connections = await connectWorker(inject("temporalAddress"));
});
afterAll(async () => {
  await connections?.client.close();
  await connections?.native.close();
  await server?.[Symbol.asyncDispose]();
  await rm(directory, { recursive: true, force: true });
});
afterEach(() => vi.useRealTimers());

/** Sets the age of files. */
async function age(root: string, part: string, milliseconds: number): Promise<void> {
  const past = new Date(Date.now() - milliseconds);
  const files = (await filesIn(root)).filter((name) => name.includes(part));
  expect(files).toHaveLength(1);
  for (const file of files) await utimes(file, past, past);
}

const quiet = pino({ level: "silent" });

describe.each([
  [
    "a bucket",
    () => openBucketStore({ ...server.settings, prefix: "shared/" }, undefined),
    () => join(server.directory, "shared"),
  ],
  ["a directory", () => openDirectoryStore(join(directory, "shared")), () => join(directory, "shared")],
])("of workers that share %s", (_kind, open: () => Promise<ArtifactStore>, root) => {
  it("one looks through it, at once or later, and the others do not", async () => {
    const stores = await Promise.all(Array.from({ length: numberOfWorkers }, open));
    let rounds = 0;
    /** Starts all at once, and waits until each has completed or skipped its first round. */
    const startAll = async (): Promise<void> => {
      const workers = stores.map((store) => {
        const expire: ArtifactStore["expire"] = (before) => {
          rounds += 1;
          return store.expire(before);
        };
        return startExpiry({ ...store, expire }, connections, {}, quiet);
      });
      await Promise.all(workers.map(({ stop }) => stop()));
    };
    const [first] = stores;
    const { artifact, bytes } = (await first?.putBlob(Readable.from([Buffer.from("old")]))) ?? {
      artifact: "",
      bytes: 0,
    };
    await age(root(), artifact, 1000 * hour);
    await startAll();
    expect(rounds).toBe(1);
    await expect(first?.openBlob(artifact, bytes)).rejects.toMatchObject({ code: "artifact-unavailable" });
    await age(root(), "/expiry/", 0.8 * hour);
    await startAll();
    expect(rounds).toBe(1);
    await age(root(), "/expiry/", hour);
    await startAll();
    expect(rounds).toBe(2);
    // Created while a clock was wrong.
    await age(root(), "/expiry/", -1000 * hour);
    await startAll();
    expect(rounds).toBe(3);
    await Promise.all(stores.map((store) => store.close()));
  });
});

it("a worker whose round has failed leaves the next one to others", async () => {
  vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
  const root = join(directory, "failing");
  const store = await openDirectoryStore(root);
  let rounds = 0;
  const failed = Promise.withResolvers<string>();
  const log = pino({ level: "warn" }, { write: failed.resolve });
  const expire = async (): Promise<number> => {
    rounds += 1;
    throw new Error("AccessDenied");
  };
  const worker = startExpiry({ ...store, expire }, connections, {}, log);
  expect(await failed.promise).toContain("AccessDenied");
  await age(root, "/expiry/", hour);
  vi.advanceTimersByTime(hour);
  await worker.stop();
  expect(rounds).toBe(1);
  expect(await store.claimExpiry(0.9 * hour)).toBe(true);
});

/** How often clients that follow runs list the bucket. */
import { once } from "node:events";
import { createServer, request as sendRequest } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, it } from "vitest";
import { openBucket } from "#platform/store/bucket/bucket";
import { openBucketStore } from "#platform/store/bucket/bucket-store";
import { createListings, pauseAfter } from "#platform/store/bucket/listings";
import { segmentName } from "#platform/store/bucket/segments";
import { newRun, readArtifact } from "../support/store-contract.ts";
import { startBucketServer } from "./server.ts";

/** A proxy in front of the server that counts list requests. */
async function startCounter(endpoint: string) {
  let listings = 0;
  const server = createServer((request, response) => {
    if (request.url?.includes("list-type=2")) listings += 1;
    const { method, headers } = request;
    const onward = sendRequest(`${endpoint}${request.url}`, { method, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    });
    onward.once("error", () => response.destroy());
    request.pipe(onward);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    listings: () => listings,
    close: () => server.close().closeAllConnections(),
  };
}

it("one listing a look serves the reads after it, whichever other runs are followed", async () => {
  const server = await startBucketServer();
  const counter = await startCounter(server.settings.endpoint ?? "");
  const bucket = await openBucket(server.settings);
  const store = await openBucketStore({ ...server.settings, endpoint: counter.endpoint }, undefined);
  const runs = [newRun(), newRun()];
  const stops = runs.map(({ key }) => store.watch(key, () => {}));
  try {
    const segments = 20;
    for (let offset = 0; offset < segments; offset += 1) {
      for (const { stdout } of runs) {
        await bucket.put(segmentName(stdout, offset, crypto.randomUUID()), Buffer.from("x"));
      }
      await Promise.all(runs.map(({ key }) => store.list(key)));
      for (const { stdout } of runs) {
        const [byte] = await store.read(stdout, offset, offset + 1).toArray();
        expect(String(byte)).toBe("x");
      }
    }
    expect(counter.listings()).toBe(segments * runs.length);
    // Reading still works after following has stopped.
    for (const stop of stops) stop();
    for (const { key, stdout } of runs) expect(await readArtifact(store, key, stdout)).toBe("x".repeat(segments));
  } finally {
    await store.close();
    bucket.close();
    counter.close();
    await server[Symbol.asyncDispose]();
  }
});

const listingOf = (count: number) =>
  new Map([["reference", Array.from({ length: count }, (_, offset) => ({ name: "", offset, bytes: 1 }))]]);

it.each([
  [0, 500],
  [1000, 500],
  [1001, 1000],
  [8600, 4500],
])("a follower of %i segments looks again after %i ms", (count, milliseconds) => {
  expect(pauseAfter(listingOf(count))).toBe(milliseconds);
});

it("keeps the listings of runs that are followed, and the newest one", () => {
  const listings = createListings();
  const stops = [listings.follow("a", () => {}), listings.follow("a", () => {})];
  for (const key of ["a", "b", "c"]) listings.keep(key, listingOf(1));
  const kept = () => ["a", "b", "c"].filter((key) => listings.of(key).size > 0);
  expect(kept()).toEqual(["a", "c"]);
  stops[0]?.();
  stops[0]?.();
  expect(kept()).toEqual(["a", "c"]);
  stops[1]?.();
  expect(kept()).toEqual(["c"]);
});

/** What is kept of a stream that is written to the store. */
import { EventEmitter } from "node:events";
import { Writable } from "node:stream";
import { expect, test } from "vitest";
import { liveWindowBytes, recordStream } from "#activities/recorded-stream";

const nowhere = (): Writable => new Writable({ write: (_chunk, _encoding, done) => done() });

test.each([
  [
    "somebody follows",
    true,
    { offset: 100_000 - liveWindowBytes, base64: Buffer.alloc(liveWindowBytes, "x").toString("base64") },
  ],
  ["nobody does", false, undefined],
])("the newest output where %s", async (_, isFollowed, window) => {
  const recorded = recordStream(nowhere(), 0, 1_000_000, () => {}, new EventEmitter(), isFollowed);
  for (let piece = 0; piece < 100; piece += 1) recorded.sink.write(Buffer.alloc(1000, "x"));
  await recorded.end();
  expect(recorded.bytes()).toBe(100_000);
  expect(recorded.window(liveWindowBytes)).toEqual(window);
});

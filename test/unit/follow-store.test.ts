/** A follower that stops early leaves nothing open. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { afterEach, beforeEach, expect, test } from "vitest";
import { followStore } from "#client/sdk/output/follow-store";
import { openDirectoryStore } from "#platform/store/directory-store";
import { newRun, writeArtifact } from "../support/store-contract.ts";

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "kgents-follow-"));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

test("break out of the output closes what was read", async () => {
  const store = await openDirectoryStore(directory);
  const { key, stdout } = newRun();
  await writeArtifact(store, stdout, Buffer.alloc(1_000_000));
  const opened: Readable[] = [];
  const watched = {
    ...store,
    read: (...given: Parameters<typeof store.read>) => {
      const stream = store.read(...given);
      opened.push(stream);
      return stream;
    },
  };
  for await (const event of followStore(watched, key, new Promise(() => {}))) {
    expect(event).toMatchObject({ type: "output", stream: "stdout", offset: 0 });
    break;
  }
  expect(opened.map(({ destroyed }) => destroyed)).toEqual([true]);
});

import { execFile } from "node:child_process";
import { mkdtemp, readdir, readlink, rm, stat, utimes } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { promisify } from "node:util";
import { afterEach, beforeEach, expect, it } from "vitest";
import { type DirectoryStore, openDirectoryStore } from "#platform/store/directory-store";
import { canMount, mountSmallDisk } from "../support/small-disk.ts";
import { describeStore, newRun, writeArtifact } from "../support/store-contract.ts";

let directory: string;
let store: DirectoryStore;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "kgents-store-"));
  store = await openDirectoryStore(directory);
});
afterEach(() => rm(directory, { recursive: true, force: true }));

describeStore(() => store);

it("what lies in it can be read by the owner alone", async () => {
  const { key, stdout } = newRun();
  await writeArtifact(store, stdout, "secret");
  expect((await stat(join(directory, stdout))).mode & 0o777).toBe(0o600);
  expect((await stat(join(directory, "runs", key))).mode & 0o777).toBe(0o700);
});

it("a run is as old as its newest artifact", async () => {
  const [old, young] = [newRun(), newRun()];
  await writeArtifact(store, old.stdout, "old");
  await writeArtifact(store, young.stdout, "new");
  const past = new Date(Date.now() - 3_600_000);
  await utimes(join(directory, old.stdout), past, past);
  for (const { key } of [old, young]) await utimes(join(directory, "runs", key), past, past);
  expect(await store.expire(new Date(Date.now() - 60_000))).toBe(1);
  expect([(await store.list(old.key)).size, (await store.list(young.key)).get(young.stdout)]).toEqual([0, 3]);
});

it("two openings of one directory see one store", async () => {
  expect((await openDirectoryStore(directory)).id).toBe(store.id);
});

it.runIf(canMount)("content that cannot be marked as used leaves no file open", async () => {
  await using disk = await mountSmallDisk(2 ** 20);
  const small = await openDirectoryStore(join(disk.directory, "store"));
  const { artifact, bytes } = await small.putBlob(Readable.from(["content"]));
  await promisify(execFile)("mount", ["-o", "remount,ro", disk.directory]);
  for (let time = 0; time < 3; time += 1) {
    await expect(small.openBlob(artifact, bytes)).rejects.toMatchObject({
      code: "artifact-unavailable",
      message: expect.stringContaining("cannot be marked as used: EROFS"),
    });
    await expect(small.openBlob(artifact, bytes + 1)).rejects.toMatchObject({ code: "artifact-unavailable" });
  }
  const files = await Promise.all(
    (await readdir("/proc/self/fd")).map((name) => readlink(`/proc/self/fd/${name}`).catch(() => "closed meanwhile")),
  );
  expect(files.filter((path) => path.startsWith(disk.directory))).toEqual([]);
});

/** Launchers that cannot be started leave nothing behind. */
import { readdirSync } from "node:fs";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { type LauncherPool, launcherPool } from "#cells/subprocess/launcher/launcher-pool";

let directory: string;
let pool: LauncherPool;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "kgents-launcher-"));
  pool = launcherPool({ directory, groups: undefined, bubblewrap: null, seccomp: Buffer.alloc(0) });
});
afterEach(async () => {
  await pool.close();
  await rm(directory, { recursive: true });
});

/** A command that the kernel refuses, so that spawn throws at once. */
const tooLong = ["/bin/sh", "a".repeat(8_000_000)];
const openDescriptors = (): number => readdirSync("/proc/self/fd").length;
const records = async (): Promise<string[]> => (await readdir(directory)).filter((name) => !name.includes("fifos"));

it("whose start the kernel refuses", async () => {
  // The first makes the pipes of the following ones.
  await expect(pool.prepare(tooLong)).rejects.toThrow("E2BIG");
  const before = openDescriptors();
  for (let times = 0; times < 20; times += 1) await expect(pool.prepare(tooLong)).rejects.toThrow("E2BIG");
  expect(openDescriptors()).toBe(before);
  expect(await records()).toEqual([]);
});

/**
 * What packages were resolved to, kept for a while.
 *
 * @module
 */
import { mkdir, readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { KgentsError } from "#core/contract/error";
import type { PackageRuntime, WantedPackages } from "#core/packages/environment";
import { formatBytes } from "#core/text/quantity";
import { readStateFile, writeStateFile } from "#platform/host/state-file";
import { type Builder, hashOf, indexOf, stepIn } from "./builder.ts";
import { takeLock } from "./hold.ts";
import { refuseLargeDraft, watchSize } from "./watch-size.ts";

/** How long packages are not resolved again, in milliseconds: a new version counts after a day at the latest. */
const resolutionMilliseconds = 86_400_000;
/** How long a resolution is kept for the time when the index is away, in milliseconds. */
const keptMilliseconds = 30 * 86_400_000;
/** What all resolutions of a machine may take, in bytes. */
const maximumKeptBytes = 64 * 1024 * 1024;
/** What a file takes at least, in bytes. */
const blockBytes = 4096;
/** The longest lock, in bytes: it is part of the history. */
const maximumLockBytes = 512 * 1024;

const resolutionShape = { lock: "string", resolvedAt: "number" } as const;

/** A file with a resolution. */
export interface KeptResolution {
  readonly path: string;
  readonly bytes: number;
  /** When it was written, in milliseconds since the epoch. */
  readonly writtenAt: number;
}

/** The resolutions to remove: the old ones, and the oldest ones of too many. Pure. */
export function resolutionsToRemove(kept: readonly KeptResolution[], now: number): KeptResolution[] {
  let total = 0;
  return kept
    .toSorted((left, right) => right.writtenAt - left.writtenAt)
    .filter(({ bytes, writtenAt }) => {
      total += Math.max(bytes, blockBytes);
      return total > maximumKeptBytes || now - writtenAt > keptMilliseconds;
    });
}

/** Removes resolutions that are old or too many. */
async function removeResolutions(directory: string): Promise<void> {
  const names = await readdir(directory).catch(() => []);
  const found = await Promise.all(
    names.map(async (name) => {
      const path = join(directory, name);
      // Another process may have removed it.
      const status = await stat(path).catch(() => undefined);
      return status ? [{ path, bytes: status.size, writtenAt: status.mtimeMs }] : [];
    }),
  );
  for (const { path } of resolutionsToRemove(found.flat(), Date.now())) await rm(path, { force: true });
}

/**
 * The lock of packages: from an earlier resolution if that is recent, or if the index is away.
 *
 * @throws as `Environments.prepare`
 */
export async function resolve(builder: Builder, wanted: WantedPackages, runtime: PackageRuntime): Promise<string> {
  const { paths, settings, signal } = builder;
  const { ecosystem, version, platform } = runtime;
  const index = indexOf(settings, ecosystem) ?? "";
  const key = hashOf(ecosystem, version, platform, index, ...wanted.requirements);
  const path = paths.resolution(key);
  const recent = async (): Promise<string | undefined> => {
    const found = await readStateFile(path, resolutionShape);
    return found && Date.now() - found.resolvedAt < resolutionMilliseconds ? found.lock : undefined;
  };
  const known = await recent();
  if (known !== undefined) return known;
  await using _lock = await takeLock(paths.resolutionLock(key), signal);
  const meanwhile = await recent();
  if (meanwhile !== undefined) return meanwhile;
  const scratch = paths.draft(`resolution-${key}`);
  try {
    await mkdir(scratch, { recursive: true, mode: 0o700 });
    const refuse = refuseLargeDraft(settings.policy.maximumBytes);
    const lock = await watchSize(scratch, refuse, signal, (watched) =>
      builder.installer.resolve(stepIn(builder, scratch, ecosystem, watched), wanted, runtime),
    );
    if (Buffer.byteLength(lock) > maximumLockBytes) {
      throw new KgentsError("package-too-large", `the lock has more than ${formatBytes(maximumLockBytes)}`);
    }
    await writeStateFile(path, { lock, resolvedAt: Date.now() });
    await removeResolutions(paths.resolutions);
    return lock;
  } catch (error) {
    const earlier = await readStateFile(path, resolutionShape);
    if (!(error instanceof KgentsError && error.code === "package-index-unavailable") || !earlier) throw error;
    settings.log(`the index of packages is away (${error.message}); an earlier resolution is used`);
    return earlier.lock;
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

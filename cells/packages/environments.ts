/**
 * The environments of a machine: each is built once, and kept by the hash of what it was built from.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { mkdir, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { WorkerPolicy } from "#core/configuration/configuration";
import { KgentsError } from "#core/contract/error";
import {
  type Ecosystem,
  type Environment,
  languageVersion,
  type PackageRuntime,
  type WantedPackages,
} from "#core/packages/environment";
import { formatBytes } from "#core/text/quantity";
import { readStateFile, writeStateFile } from "#platform/host/state-file";
import { noteUse, takeLock } from "./hold.ts";
import type { InstallStep, PackageInstaller } from "./installer.ts";
import { npmInstaller } from "./npm.ts";
import { type EnvironmentPaths, environmentPaths } from "./paths.ts";
import { pythonInstaller } from "./python.ts";
import { refuseLarge } from "./refuse-large.ts";
import { keepWithin } from "./removal.ts";
import { tidyTree } from "./tidy-tree.ts";
import { watchSize } from "./watch-size.ts";

/** How long packages are not resolved again, in milliseconds: a new version counts after a day at the latest. */
const resolutionMilliseconds = 86_400_000;
/** The longest lock, in bytes: it is part of the history. */
const maximumLockBytes = 512 * 1024;
/** Part of every hash. Change it with what a tree contains beside its packages. */
const layout = "1";

/** The settings of the environments of a machine. */
export interface EnvironmentSettings {
  /** That of kgents: see `Paths`. */
  readonly cacheDirectory: string;
  readonly policy: Omit<WorkerPolicy["packages"], "names" | "allow">;
  readonly log: (line: string) => void;
}

/** The environments of a machine. */
export interface Environments {
  /**
   * Resolves packages for an interpreter and builds the tree, unless both were done before.
   *
   * @throws KgentsError of a kind `package-...`, `tool-unavailable`, `disk-full`; the signal's reason if that aborts
   */
  readonly prepare: (wanted: WantedPackages, runtime: PackageRuntime, signal: AbortSignal) => Promise<Environment>;
}

const hashOf = (...parts: readonly string[]): string =>
  createHash("sha256")
    .update(JSON.stringify([layout, ...parts]))
    .digest("hex");

const resolutionShape = { lock: "string", resolvedAt: "number" } as const;

/** Creates the environments of a machine. */
export function createEnvironments(settings: EnvironmentSettings): Environments {
  const paths = environmentPaths(settings.cacheDirectory);
  const installers = { python: pythonInstaller(settings), npm: npmInstaller() };
  return {
    prepare: async (wanted, runtime, signal) => {
      const builder: Builder = { paths, settings, installer: installers[runtime.ecosystem], signal };
      const lock = await resolve(builder, wanted, runtime);
      const { ecosystem, platform } = runtime;
      const version = languageVersion(runtime);
      const hash = hashOf(ecosystem, version, platform, lock);
      await build(builder, { ...runtime, hash, lock });
      return { ecosystem, version: runtime.version, platform, hash, lock };
    },
  };
}

interface Builder {
  readonly paths: EnvironmentPaths;
  readonly settings: EnvironmentSettings;
  readonly installer: PackageInstaller;
  readonly signal: AbortSignal;
}

const indexOf = ({ policy }: EnvironmentSettings, ecosystem: Ecosystem): string | undefined =>
  ecosystem === "python" ? policy.index : policy.npmRegistry;

const stepIn = ({ settings }: Builder, scratch: string, ecosystem: Ecosystem, signal: AbortSignal): InstallStep => ({
  scratch,
  index: indexOf(settings, ecosystem),
  maximumBytes: settings.policy.maximumBytes,
  signal,
});

/** The lock of packages: from an earlier resolution if that is recent, or if the index is away. */
async function resolve(builder: Builder, wanted: WantedPackages, runtime: PackageRuntime): Promise<string> {
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
    const lock = await builder.installer.resolve(stepIn(builder, scratch, ecosystem, signal), wanted, runtime);
    if (Buffer.byteLength(lock) > maximumLockBytes) {
      throw new KgentsError("package-too-large", `the lock has more than ${formatBytes(maximumLockBytes)}`);
    }
    await writeStateFile(path, { lock, resolvedAt: Date.now() });
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

/** Builds the tree of an environment, unless the machine has it. */
async function build(builder: Builder, environment: Environment): Promise<void> {
  const { paths, settings, signal } = builder;
  const { hash } = environment;
  if (await noteUse(paths, hash)) return;
  await using _lock = await takeLock(paths.lock(hash), signal);
  if (await noteUse(paths, hash)) return;
  const { maximumBytes, maximumCacheBytes } = settings.policy;
  const draft = paths.draft(hash);
  const tree = join(draft, "environment", "tree");
  await rm(draft, { recursive: true, force: true });
  try {
    await mkdir(tree, { recursive: true, mode: 0o755 });
    // Beside the tree it holds the files as they were downloaded.
    await watchSize(draft, 2 * maximumBytes, signal, async (watched) => {
      const step = stepIn(builder, draft, environment.ecosystem, watched);
      await builder.installer.install(step, environment.lock, environment, tree);
    });
    const bytes = await tidyTree(tree);
    refuseLarge(bytes, maximumBytes);
    const { lock, ...about } = environment;
    await writeStateFile(join(draft, "environment", "environment.json"), { ...about, lock, bytes });
    await mkdir(paths.trees, { recursive: true, mode: 0o700 });
    await rm(dirname(paths.tree(hash)), { recursive: true, force: true });
    await rename(join(draft, "environment"), dirname(paths.tree(hash)));
    settings.log(`built the environment ${hash.slice(0, 12)} (${formatBytes(bytes)})`);
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
  for (const removed of await keepWithin(paths, maximumCacheBytes)) {
    settings.log(`removed the environment ${removed.slice(0, 12)}, which was not used for the longest time`);
  }
}

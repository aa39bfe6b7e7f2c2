/**
 * The environments of a machine: each is built once, and kept by the hash of what it was built from.
 *
 * @module
 */
import { mkdir, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import {
  type Environment,
  languageVersion,
  type PackageRuntime,
  type WantedPackages,
} from "#core/packages/environment";
import { formatBytes } from "#core/text/quantity";
import { writeStateFile } from "#platform/host/state-file";
import { type Builder, type EnvironmentSettings, hashOf, stepIn } from "./builder.ts";
import { noteUse, takeLock } from "./hold.ts";
import { npmInstaller } from "./npm.ts";
import { environmentPaths } from "./paths.ts";
import { pythonInstaller } from "./python.ts";
import { refuseLarge } from "./refuse-large.ts";
import { resolve } from "./resolutions.ts";
import { noteDraft, roomFor } from "./room.ts";
import { tidyTree } from "./tidy-tree.ts";
import { refuseLargeDraft, type TreeSize, watchSize } from "./watch-size.ts";

/** The environments of a machine. */
export interface Environments {
  /**
   * Resolves packages for an interpreter and builds the tree, unless both were done before.
   *
   * @throws KgentsError of a kind `package-...`, `tool-unavailable`, `disk-full`; the signal's reason if that aborts
   */
  readonly prepare: (wanted: WantedPackages, runtime: PackageRuntime, signal: AbortSignal) => Promise<Environment>;
}

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

/** Installs the packages of an environment into a draft. Returns what the tree takes, in bytes. */
async function install(builder: Builder, environment: Environment, draft: string): Promise<number> {
  const { paths, settings, signal } = builder;
  const { maximumBytes } = settings.policy;
  const tree = join(draft, "environment", "tree");
  await mkdir(tree, { recursive: true, mode: 0o755 });
  const room = await roomFor(paths, settings);
  const refuse = refuseLargeDraft(maximumBytes);
  const check = async (size: TreeSize): Promise<void> => {
    refuse(size);
    await noteDraft(draft, size.bytes);
    await room.checkDrafts();
  };
  await check({ bytes: 0, files: 0 });
  await watchSize(draft, check, signal, async (watched) => {
    const step = stepIn(builder, draft, environment.ecosystem, watched);
    await builder.installer.install(step, environment.lock, environment, tree);
  });
  const bytes = await tidyTree(tree);
  refuseLarge(bytes, maximumBytes);
  return bytes;
}

/** Builds the tree of an environment, unless the machine has it. */
async function build(builder: Builder, environment: Environment): Promise<void> {
  const { paths, settings, signal } = builder;
  const { hash } = environment;
  if (await noteUse(paths, hash)) return;
  await using _lock = await takeLock(paths.lock(hash), signal);
  if (await noteUse(paths, hash)) return;
  const draft = paths.draft(hash);
  await rm(draft, { recursive: true, force: true });
  try {
    const bytes = await install(builder, environment, draft);
    const { lock, ...about } = environment;
    await writeStateFile(join(draft, "environment", "environment.json"), { ...about, lock, bytes });
    await mkdir(paths.trees, { recursive: true, mode: 0o700 });
    // One at a time, so that two trees do not take the same room.
    await using _room = await takeLock(paths.roomLock, signal);
    await (await roomFor(paths, settings)).checkTree(bytes);
    await rm(dirname(paths.tree(hash)), { recursive: true, force: true });
    await rename(join(draft, "environment"), dirname(paths.tree(hash)));
    settings.log(`built the environment ${hash.slice(0, 12)} (${formatBytes(bytes)})`);
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
}

/**
 * Keeps launchers ready, and finds those whose worker is gone.
 *
 * @module
 */
import { randomBytes } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { isRunning } from "#platform/host/process-identity";
import { fifoSource } from "./fifo.ts";
import { groupsRecord, type Launcher, prepareLauncher, removeLauncherRecord } from "./launcher.ts";
import { newLauncherName, ownerOfLauncher, ownPrefix } from "./launcher-name.ts";
import type { LauncherPlan } from "./spawn-launcher.ts";

/** Launchers, ready and taken. */
export interface LauncherPool {
  /** Starts to prepare one, unless one is ready or being prepared. */
  readonly warm: () => void;
  /** Prepares one with a command prefix, such as one that creates namespaces. */
  readonly prepare: (prefix: readonly string[]) => Promise<Launcher>;
  /** Takes the ready one, or prepares one. */
  readonly take: () => Promise<Launcher>;
  /** Ends unused launchers. */
  readonly close: () => Promise<void>;
}

/** Prepares launchers ahead of runs: one is kept ready and replaced after it was taken. */
export function launcherPool(plan: Omit<LauncherPlan, "fifos">): LauncherPool {
  let spare: Promise<Launcher> | undefined;
  const owner = ownPrefix();
  const fifos = owner.then((name) =>
    fifoSource(join(plan.directory, `${name}-fifos-${randomBytes(6).toString("hex")}`)),
  );
  const prepare = async (prefix: readonly string[] = []): Promise<Launcher> =>
    prepareLauncher({ ...plan, prefix, fifos: await fifos }, newLauncherName(await owner));
  const warm = (): void => {
    if (spare !== undefined) return;
    const preparing = prepare();
    spare = preparing;
    preparing.then(
      (launcher) => {
        launcher.unreference();
        // A launcher that died while waiting must not be handed out.
        void launcher.ended.then(() => {
          if (spare !== preparing) return;
          spare = undefined;
          launcher.remove().catch(() => {});
        });
      },
      () => {
        // The next `take` gets the error or prepares a new launcher.
        if (spare === preparing) spare = undefined;
      },
    );
  };
  return {
    warm,
    prepare,
    take: async () => {
      const ready = spare ?? prepare();
      spare = undefined;
      const launcher = await ready;
      launcher.reference();
      return launcher;
    },
    close: async () => {
      const ready = spare;
      spare = undefined;
      await ready?.then((launcher) => launcher.remove());
      await (await fifos).close();
    },
  };
}

const isGroupDirectory = (value: unknown): value is string => typeof value === "string" && value.includes("/kgents/");

/** Parses the control groups of a record. @throws Error if it names anything else, because what it names is removed */
function readGroups(text: string): string[] {
  const groups: unknown = JSON.parse(text);
  if (Array.isArray(groups) && groups.every(isGroupDirectory)) return groups;
  throw new Error("the record of a launcher names something else than control groups of kgents");
}

/** Removes a launcher's record on disk and its control groups. */
export async function removeLauncher(directory: string, name: string): Promise<void> {
  if (!/^[\w-]+$/.test(name)) return;
  const place = join(directory, name);
  const text = await readFile(join(place, groupsRecord), "utf8").catch(() => "[]");
  await removeLauncherRecord(place, readGroups(text));
}

/** Lists the names of launchers whose worker is gone. */
export async function abandonedLaunchers(directory: string): Promise<string[]> {
  const names = await readdir(directory).catch(() => []);
  const answers = await Promise.all(
    names.map(async (name) => ((await isRunning(ownerOfLauncher(name))) ? [] : [name])),
  );
  return answers.flat();
}

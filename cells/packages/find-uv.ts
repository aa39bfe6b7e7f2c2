/**
 * Finds uv, which resolves and installs packages of Python, and a Python of the host, which uv needs to start. That
 * Python is not the one that the packages are for, and runs nothing of them.
 *
 * @module
 */
import { KgentsError } from "#core/contract/error";
import { messageOf } from "#core/text/message-of";
import { findProgram, lookForProgram } from "#platform/host/find-program";
import { findPinnedTool, installPinnedTool, type PinnedTool } from "#platform/host/pinned-tool";
import { programEnvironment } from "#platform/host/program-environment";
import { outputOf } from "#platform/host/run-program";
import { isAtLeast } from "./tool-version.ts";

const pinnedVersion = "0.13.9";

/** The package that provides uv if the machine has none. */
export const uvPackage: PinnedTool = {
  distribution: "uv",
  version: pinnedVersion,
  executable: "bin/uv",
  sha256: [
    "d7f459fe4fd247d830351c75686d3996ace3c6f3f728eb0e85a30b7ada0cef19", // manylinux2014, x86_64
    "5435c5ce14a56431208ca0996416d310f1598e8c2c8ba707688985a16bb82dbe", // manylinux2014 and musllinux, aarch64
    "2c45530751517d6c3bbc69a19473f6effe47cce047bede01ffd8af7ea7b36b25", // musllinux, x86_64
    "66c512266d633bef48384a1f53003f41f2a8e7b36fe6e7fbfd3e0fd52d96fa63", // macOS 11, arm64
  ],
  executableSha256: [
    "b73acdf73b96c3ac9e56d2fa933427b3ee6a901e3cce6ba1e3ecb3f91ca0d86a", // manylinux2014, x86_64
    "bbecb5ac518030bb5e84f1999c577228460192832ac24a92bd772735682979f4", // manylinux2014 and musllinux, aarch64
    "edbfb9a3d00dc84148e6691cd8740781fdc32db6505d7ef88ba6c3e569d5bec9", // musllinux, x86_64
    "0e17c316d23b33b4e840669f516f5cb7f5c1faa816ebd3824052ab50082ecefb", // macOS 11, arm64
  ],
};

/** Where tools are kept, and a log for slow steps. */
export interface FindOptions {
  readonly cacheDirectory: string;
  readonly log: (line: string) => void;
}

/** The programs that install packages of Python, by their absolute paths. */
export interface PythonTools {
  readonly uv: string;
  readonly python: string;
}

/** uv on PATH, if it is at least as new as the pinned version. */
async function uvOnPath(): Promise<string | undefined> {
  const path = await findProgram("uv");
  if (path === undefined) return undefined;
  const said = await outputOf(path, ["--version"], { environment: await programEnvironment(process.env) }).catch(
    () => "",
  );
  const version = /^uv (\d+\.\d+\.\d+)/.exec(said)?.[1];
  return version !== undefined && isAtLeast(version, pinnedVersion) ? path : undefined;
}

/**
 * Finds uv on PATH, in the tools cache, or installs it there; and a Python on PATH.
 *
 * @throws KgentsError `tool-unavailable`
 */
export async function findPythonTools({ cacheDirectory, log }: FindOptions): Promise<PythonTools> {
  const { path: python, refused } = await lookForProgram("python3");
  if (python === undefined) {
    throw new KgentsError(
      "tool-unavailable",
      ["packages of Python cannot be installed: there is no python3 on the worker's PATH", ...refused].join("; "),
      { remedy: "Install Python 3 on the worker's machine (`apt install python3`)." },
    );
  }
  const uv = (await uvOnPath()) ?? (await findPinnedTool(uvPackage, cacheDirectory));
  if (uv !== undefined) return { uv, python };
  try {
    return { uv: await installPinnedTool(uvPackage, { cacheDirectory, log }), python };
  } catch (cause) {
    throw new KgentsError("tool-unavailable", `uv is missing and could not be installed: ${messageOf(cause)}`, {
      cause,
      remedy: `Install uv ${pinnedVersion} or newer on the worker's machine, or let pip reach the package index.`,
    });
  }
}

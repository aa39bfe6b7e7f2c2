/**
 * The official download of the Temporal CLI.
 *
 * Temporal publishes no hash that could be pinned here for this archive; what is known is that it came over TLS from
 * Temporal's own site and that the binary says it is the version that was asked for.
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
import { moveInto, whenExecutable } from "../../activities/host/pinned-tool.ts";
import { outputOf } from "../../activities/host/run-program.ts";

/** The version of the CLI that kgents is tested with. */
export const pinnedVersion = "1.9.1";

/** Temporal's own download service; platform and architecture are added. */
export const officialDownload = `https://temporal.download/cli/archive/v${pinnedVersion}`;

/** Who cannot reach the site must not wait long for the next way. */
const firstByteMilliseconds = 3000;
/** A line this slow is taken for dead. */
const silenceMilliseconds = 15_000;

/** Fetches the CLI into our cache, or finds it there. Throws with one sentence that says why it could not. */
export async function downloadTemporal(
  address: string,
  options: { readonly cacheDirectory: string; readonly progress: (line: string) => void },
): Promise<string> {
  const tools = join(options.cacheDirectory, "tools");
  const target = join(tools, `temporal-cli-${pinnedVersion}`);
  const installed = await whenExecutable(join(target, "temporal"));
  if (installed) return installed;
  await mkdir(tools, { recursive: true });
  const draft = await mkdtemp(join(tools, ".unfinished-"));
  try {
    options.progress(`downloading Temporal ${pinnedVersion} ...`);
    await fetchExecutable(`${address}?platform=${process.platform}&arch=${architecture()}`, join(draft, "temporal"));
    const stdout = await outputOf(join(draft, "temporal"), ["--version"]);
    if (!stdout.startsWith(`temporal version ${pinnedVersion} `)) throw new Error(`it is ${stdout.trim()}`);
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

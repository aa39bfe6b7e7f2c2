import { PassThrough, type Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { type Extract, extract } from "tar-stream";
import { messageOf } from "#core/text/message-of";
import { untilDrained } from "../until-drained.ts";
import { isPlainName, relativeName } from "./cell-values.ts";
import type { ControlReader } from "./control-reader.ts";
import { createOmissions, type OmittedFile } from "./omissions.ts";
import { outputMatcher } from "./output-patterns.ts";
import { boundArchive, Refused } from "./tar-bounds.ts";
import { createPace } from "./yield-to-event-loop.ts";

export type { OmittedFile } from "./omissions.ts";

/** A file of an archive: its header, and its content as a stream. */
type Entry = Extract extends AsyncIterable<infer Each> ? Each : never;

/** The options of {@link collectOutputs}. */
export interface OutputPlan {
  readonly globs: readonly string[];
  /** Names that are never output: the code's own file. */
  readonly except: ReadonlySet<string>;
  /** The disk limit in bytes. The files together cannot be larger unless the cell is hostile. */
  readonly largestTotal: number;
  readonly save: (name: string, content: Readable, bytes: number) => Promise<boolean>;
  /** Stops the sender; nothing more is read from it. */
  readonly giveUp: () => void;
  /** Aborts the collection, also while it waits. @default only the deadline does */
  readonly signal?: AbortSignal;
  /** The deadline, in milliseconds. @default see {@link collectionMilliseconds} */
  readonly patienceMilliseconds?: number;
}

const mebibyte = 2 ** 20;

/**
 * The deadline of a collection, in milliseconds: one minute, plus a second for each 4 MiB of the disk limit, which even
 * a cell with the smallest CPU share can send. At most 4 minutes, which leaves one minute of the time that a cluster
 * run has after its code has ended.
 */
export const collectionMilliseconds = (largestTotal: number): number =>
  Math.min(240_000, 60_000 + (largestTotal / (4 * mebibyte)) * 1000);

/** The most bytes of a collection in addition to file contents: names, headers, padding. */
const overheadBytes = 32 * mebibyte;

/** How many announced files are remembered by name; beyond that they are only counted. */
const rememberedNames = 10_000;

const longestWord = 65_536;

const notPlainName = "its name is too long or not plain";
const unreadable = "it could not be read in the cell";

/**
 * Copies an entry's content to the stream that stores it. If that fails, drops the rest of the content, so that the
 * archive continues.
 */
async function pump(source: Entry, content: PassThrough): Promise<void> {
  try {
    for await (const chunk of source) {
      if (!content.destroyed && !content.write(chunk)) await untilDrained(content);
    }
    content.end();
  } catch (error) {
    content.destroy(error instanceof Error ? error : new Error(String(error)));
    throw error;
  }
}

/**
 * Receives output files from a cell. The data is untrusted: only plain files with safe names that match are stored,
 * with the content from the stream, and no path is ever opened. All lengths are bounded, the whole has a deadline, and
 * files that are not collected are listed.
 *
 * The cell sends words that end with NUL: the names of matches that are not plain files, then an empty word; the names
 * of the plain files that it will send, then an empty word; then `0`, or another exit code of `find`. After that comes
 * the tar.
 */
export async function collectOutputs(control: ControlReader, plan: OutputPlan): Promise<OmittedFile[]> {
  const { largestTotal } = plan;
  const omissions = createOmissions();
  const pace = createPace();
  const matcher = outputMatcher(plan.globs, pace);
  const patience = plan.patienceMilliseconds ?? collectionMilliseconds(largestTotal);

  const archive = extract();
  // Waiters receive the error. Without a waiter, an unhandled error would end the process.
  archive.on("error", () => {});
  let over: Refused | undefined;
  let giveUpWaiting: (error: Refused) => void = () => {};
  const end = (why: string): void => {
    over ??= new Refused(why);
    archive.destroy(over);
    giveUpWaiting(over);
  };
  /** Waits for `work`, but not beyond the end of the collection. Only one wait is active at a time. */
  const untilEnd = <T>(work: Promise<T>): Promise<T> =>
    new Promise((resolve, reject) => {
      giveUpWaiting = reject;
      work.then(resolve, reject);
      if (over) reject(over);
    });
  const breathe = async (): Promise<void> => {
    if (pace.isDue()) await pace.rest();
    if (over) throw over;
  };
  const stop = (): void => end("the run was stopped before all files had come");
  const late = (): void =>
    end(`collecting took longer than ${Math.round(patience / 1000)} s, and what had not come was left out`);
  const clock = setTimeout(late, patience);
  plan.signal?.addEventListener("abort", stop, { once: true });
  if (plan.signal?.aborted) stop();

  let received = 0;
  const count = (bytes: number): void => {
    received += bytes;
    if (received > 2 * largestTotal + overheadBytes) throw new Refused("the cell sends far more than the disk limit");
  };
  /** Reads the next name of a list; undefined at its end. */
  const nextName = async (): Promise<string | undefined> => {
    const word = await untilEnd(control.until(0, longestWord));
    if (word === undefined) throw new Refused("the list of files broke off");
    count(word.length + 1);
    await breathe();
    return word === "" ? undefined : relativeName(word);
  };
  const isWanted = async (name: string): Promise<boolean> => !plan.except.has(name) && (await matcher.matches(name));

  const expected = new Set<string>();
  const receiveLists = async (): Promise<void> => {
    for (let name = await nextName(); name !== undefined; name = await nextName()) {
      if (!(await isWanted(name))) continue;
      omissions.add(name, isPlainName(name) ? "not a plain file, or one with several links" : notPlainName);
    }
    let more = 0;
    for (let name = await nextName(); name !== undefined; name = await nextName()) {
      if (!(await isWanted(name))) continue;
      if (expected.size < rememberedNames) expected.add(name);
      else more += 1;
    }
    if (more > 0) omissions.remark(`beyond ${rememberedNames} files it is not known which could not be read`);
    const status = await untilEnd(control.until(0, longestWord));
    if (status !== "0") omissions.remark("not all folders could be searched for files");
  };

  const saved = new Set<string>();
  let total = 0;
  let sent = 0;
  const judge = ({ type, size = 0 }: Entry["header"], name: string): string | undefined => {
    if (type !== "file") return "not a plain file";
    if (!isPlainName(name)) return notPlainName;
    if (saved.has(name)) return "it came twice";
    return total + size > largestTotal ? "more than the disk limit" : undefined;
  };
  const receive = async (entry: Entry): Promise<void> => {
    const name = relativeName(entry.header.name);
    const { type, size: bytes = 0 } = entry.header;
    // A directory has no content, whatever size its header claims, but the tar library would wait for it.
    const hasContent = type !== "directory" && bytes > 0;
    const skip = async (): Promise<void> => {
      if (hasContent) for await (const _ of entry);
    };
    // Count announced sizes: sparse files use little disk but take unbounded time to send.
    if (hasContent) sent += bytes;
    if (sent > 2 * largestTotal) {
      omissions.add(name, "more than the disk limit");
      throw new Refused("all after that was left out: together it is far more than the disk limit");
    }
    expected.delete(name);
    if (!(await isWanted(name))) return skip();
    const reason = judge(entry.header, name);
    if (reason !== undefined) {
      omissions.add(name, reason);
      return skip();
    }
    saved.add(name);
    total += bytes;
    const content = new PassThrough();
    // The storing side receives the error. Without a listener, an unhandled error would end the process.
    content.on("error", () => {});
    const fed = hasContent ? pump(entry, content) : Promise.resolve(content.end());
    fed.catch(() => {});
    const taken = await plan.save(name, content, bytes).catch((error: unknown) => {
      content.destroy();
      return `it could not be stored: ${messageOf(error)}`;
    });
    if (taken !== true) {
      saved.delete(name);
      total -= bytes;
      omissions.add(name, taken === false ? "a limit on output files is reached" : taken);
      content.resume();
    }
    await fed;
  };
  const receiveFiles = async (): Promise<void> => {
    const bounds = boundArchive(count);
    archive.on("entry", ({ type, size = 0 }) => bounds.onEntry(type === "directory" ? 0 : size));
    const fed = pipeline(control.rest(), bounds.pass, archive);
    fed.catch(() => {});
    for await (const entry of archive) {
      await untilEnd(receive(entry));
      await breathe();
    }
    await untilEnd(fed);
  };

  try {
    await receiveLists();
    await receiveFiles();
    for (const name of expected) omissions.add(name, isPlainName(name) ? unreadable : notPlainName);
    for (const glob of matcher.unused()) omissions.unused(glob);
  } catch (error) {
    omissions.remark(error instanceof Refused ? error.message : `the files broke off: ${messageOf(error)}`);
    // Only stop a sender that still runs. One that has ended reports its own reason.
    if (!control.isOver()) plan.giveUp();
  } finally {
    archive.destroy();
    clearTimeout(clock);
    plan.signal?.removeEventListener("abort", stop);
  }
  return omissions.list();
}

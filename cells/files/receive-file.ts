import { PassThrough } from "node:stream";
import type { Extract } from "tar-stream";
import { messageOf } from "#core/text/message-of";
import { untilDrained } from "../until-drained.ts";
import { isPlainName, relativeName } from "./cell-values.ts";
import type { Omissions } from "./omissions.ts";
import { notPlainName, type OutputPlan } from "./output-plan.ts";
import { Refused } from "./tar-bounds.ts";

/** A file of an archive: its header, and its content as a stream. */
type Entry = Extract extends AsyncIterable<infer Each> ? Each : never;

/** The input of {@link fileReceiver}. */
export interface FileReception {
  readonly plan: Pick<OutputPlan, "largestTotal" | "save">;
  readonly omissions: Omissions;
  /** Whether a file was requested. */
  readonly isWanted: (name: string) => Promise<boolean>;
  /** The names of the files that the cell announced. A name is removed when its file comes. */
  readonly expected: Set<string>;
}

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

/** The length of an entry's content. A directory has none, whatever size its header claims. */
const contentBytes = ({ type, size = 0 }: Entry["header"]): number => (type === "directory" ? 0 : size);

/** Reads an entry's content and drops it. The tar library would wait for the content of a directory. */
async function skip(entry: Entry): Promise<void> {
  if (contentBytes(entry.header) > 0) for await (const _ of entry);
}

/** The result of {@link store}. */
interface Stored {
  /** True if it was stored, otherwise the reason why not. */
  readonly outcome: true | string;
  /** Resolves when the content has been read to its end; rejects if the archive breaks off. */
  readonly copied: Promise<void>;
}

/** Stores the content of an entry. If it is not stored, reads the rest of it and drops it. */
async function store(entry: Entry, name: string, save: OutputPlan["save"]): Promise<Stored> {
  const content = new PassThrough();
  // The storing side receives the error. Without a listener, an unhandled error would end the process.
  content.on("error", () => {});
  const copied = contentBytes(entry.header) > 0 ? pump(entry, content) : Promise.resolve(void content.end());
  copied.catch(() => {});
  const stored = await save(name, content, entry.header.size ?? 0).catch((error: unknown) => {
    content.destroy();
    return `it could not be stored: ${messageOf(error)}`;
  });
  if (stored !== true) content.resume();
  return { outcome: stored === false ? "a limit on output files is reached" : stored, copied };
}

/**
 * Creates the function that receives the entries of one archive, one after another: it stores an entry, or drops it and
 * lists it as omitted. It throws Refused if the cell announces far more than the disk limit.
 */
export function fileReceiver({ plan, omissions, isWanted, expected }: FileReception): (entry: Entry) => Promise<void> {
  const { largestTotal, save } = plan;
  const saved = new Set<string>();
  let savedBytes = 0;
  let announcedBytes = 0;
  const reasonToOmit = ({ type, size = 0 }: Entry["header"], name: string): string | undefined => {
    if (type !== "file") return "not a plain file";
    if (!isPlainName(name)) return notPlainName;
    if (saved.has(name)) return "it came twice";
    return savedBytes + size > largestTotal ? "more than the disk limit" : undefined;
  };
  return async (entry) => {
    const { header } = entry;
    const name = relativeName(header.name);
    // Count announced sizes: sparse files use little disk but take unbounded time to send.
    announcedBytes += contentBytes(header);
    if (announcedBytes > 2 * largestTotal) {
      omissions.add(name, "more than the disk limit");
      throw new Refused("all after that was left out: together it is far more than the disk limit");
    }
    expected.delete(name);
    if (!(await isWanted(name))) return skip(entry);
    const reason = reasonToOmit(header, name);
    if (reason !== undefined) {
      omissions.add(name, reason);
      return skip(entry);
    }
    saved.add(name);
    savedBytes += header.size ?? 0;
    const { outcome, copied } = await store(entry, name, save);
    if (outcome !== true) {
      saved.delete(name);
      savedBytes -= header.size ?? 0;
      omissions.add(name, outcome);
    }
    await copied;
  };
}

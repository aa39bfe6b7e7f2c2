import { pipeline } from "node:stream/promises";
import { extract } from "tar-stream";
import { messageOf } from "#core/text/message-of";
import { isPlainName } from "./cell-values.ts";
import { type CollectionEnd, collectionEnd } from "./collection-end.ts";
import type { ControlReader } from "./control-reader.ts";
import { createOmissions, type OmittedFile } from "./omissions.ts";
import { outputMatcher } from "./output-patterns.ts";
import { collectionMilliseconds, mostBytesSent, notPlainName, type OutputPlan } from "./output-plan.ts";
import { type FileReception, fileReceiver } from "./receive-file.ts";
import { receiveLists } from "./receive-lists.ts";
import { boundArchive, Refused } from "./tar-bounds.ts";
import { createPace } from "./yield-to-event-loop.ts";

/** Returns a function that adds up the bytes that a cell sends. It throws Refused if they are far too many. */
function byteCounter(largestTotal: number): (bytes: number) => void {
  let received = 0;
  return (bytes) => {
    received += bytes;
    if (received > mostBytesSent(largestTotal)) throw new Refused("the cell sends far more than the disk limit");
  };
}

/** An archive as it is read. */
interface Archive {
  readonly control: ControlReader;
  readonly archive: ReturnType<typeof extract>;
  readonly end: CollectionEnd;
  /** Called with the number of bytes of each chunk; may throw. */
  readonly count: (bytes: number) => void;
}

/** Receives the files of the archive, which is the rest of the stream. */
async function receiveFiles({ control, archive, end, count }: Archive, reception: FileReception): Promise<void> {
  const receive = fileReceiver(reception);
  const bounds = boundArchive(count);
  archive.on("entry", ({ type, size = 0 }) => bounds.onEntry(type === "directory" ? 0 : size));
  const fed = pipeline(control.rest(), bounds.pass, archive);
  fed.catch(() => {});
  for await (const entry of archive) {
    await end.untilEnd(receive(entry));
    await end.yieldIfDue();
  }
  await end.untilEnd(fed);
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
  const omissions = createOmissions();
  const pace = createPace();
  const matcher = outputMatcher(plan.globs, pace);
  const archive = extract();
  // Waiters receive the error. Without a waiter, an unhandled error would end the process.
  archive.on("error", () => {});
  using end = collectionEnd({
    patienceMilliseconds: plan.patienceMilliseconds ?? collectionMilliseconds(plan.largestTotal),
    signal: plan.signal,
    pace,
    onEnd: (why) => archive.destroy(why),
  });
  const count = byteCounter(plan.largestTotal);
  const isWanted = async (name: string): Promise<boolean> => !plan.except.has(name) && (await matcher.matches(name));
  try {
    const expected = await receiveLists({ control, end, omissions, isWanted, count });
    await receiveFiles({ control, archive, end, count }, { plan, omissions, isWanted, expected });
    for (const name of expected)
      omissions.add(name, isPlainName(name) ? "it could not be read in the cell" : notPlainName);
    for (const glob of matcher.unused()) omissions.unused(glob);
  } catch (error) {
    omissions.remark(error instanceof Refused ? error.message : `the files broke off: ${messageOf(error)}`);
    // Only stop a sender that still runs. One that has ended reports its own reason.
    if (!control.isOver()) plan.giveUp();
  } finally {
    archive.destroy();
  }
  return omissions.list();
}

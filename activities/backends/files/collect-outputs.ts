import { PassThrough, type Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { extract } from "tar-stream";
import { isSafeFileName } from "../../../core/request.ts";
import type { ControlReader } from "./control-reader.ts";
import { matchesOutputs } from "./output-patterns.ts";

/** An output file that was refused, and why. */
export interface OmittedFile {
  readonly name: string;
  readonly reason: string;
}

/** What is asked of {@link collectOutputs}. */
export interface OutputPlan {
  readonly globs: readonly string[];
  /** Names that are never output: the code itself. */
  readonly except: ReadonlySet<string>;
  /** No honest set of files is larger: the disk limit. */
  readonly largestTotal: number;
  readonly save: (name: string, content: Readable, bytes: number) => Promise<boolean>;
  /** Ends the sender: nothing more is read of what it sends. */
  readonly giveUp: () => void;
}

class Flood extends Error {}

/** So many refusals are listed; one more line says that there were more. */
const listedRefusals = 100;

const notPlainName = "its name is too long or not plain";

// The last stands for what was lost where a name is not UTF-8.
const isPlainName = (name: string): boolean => isSafeFileName(name) && !name.includes("\ufffd");

const printable = (name: string): string => JSON.stringify(name).slice(1, -1).slice(0, 255);

/**
 * Receives output files from inside the sandbox. Their tar stream is hostile: only plain files with plain names that match
 * are stored, by the content that came through the stream; nothing is ever opened by path.
 */
export async function collectOutputs(control: ControlReader, plan: OutputPlan): Promise<OmittedFile[]> {
  const omitted: OmittedFile[] = [];
  const omit = (name: string, reason: string): void => {
    if (omitted.length < listedRefusals) omitted.push({ name: printable(name), reason });
    else if (omitted.length === listedRefusals) omitted.push({ name: "...", reason: "more files were left out" });
  };
  for (;;) {
    const name = await control.until(0, 65_536);
    if (name === undefined) return omitted;
    if (name === "") break;
    const relative = name.replace(/^\.\//, "");
    if (!matchesOutputs(relative, plan.globs)) continue;
    omit(relative, isPlainName(relative) ? "not a plain file, or one with several links" : notPlainName);
  }
  const seen = new Set<string>();
  let total = 0;
  let sent = 0;
  const judge = (type: string | null | undefined, name: string, bytes: number): string | undefined => {
    if (type !== "file") return "not a plain file";
    if (!isPlainName(name)) return notPlainName;
    if (seen.has(name)) return "it came twice";
    return total + bytes > plan.largestTotal ? "more than the disk limit" : undefined;
  };
  const archive = extract();
  archive.on("entry", (header, stream, next) => {
    // Of an archive that breaks off, the pipeline below says it; an entry that nobody reads would end the process.
    stream.on("error", () => {});
    const name = header.name.replace(/^\.\//, "");
    const bytes = header.size ?? 0;
    // Sparse files take no room in the sandbox, and all the time in the world to be sent.
    sent += bytes;
    if (sent > 2 * plan.largestTotal) {
      omit(name, "more than the disk limit");
      omit("...", "all after that was left out: together it is far more than the disk limit");
      return void archive.destroy(new Flood());
    }
    const receive = async (): Promise<void> => {
      if (plan.except.has(name) || !matchesOutputs(name, plan.globs)) return;
      const reason = judge(header.type, name, bytes);
      if (reason !== undefined) return omit(name, reason);
      seen.add(name);
      total += bytes;
      const content = new PassThrough();
      const fed = pipeline(stream, content);
      // Where the store takes nothing, nobody reads: the file is skipped below.
      fed.catch(() => {});
      const saved = await plan.save(name, content, bytes);
      if (saved) return fed;
      content.resume();
      omit(name, "a limit on output files is reached");
      return fed;
    };
    const ended = new Promise<void>((resolve) => stream.once("end", () => resolve()));
    receive()
      .then(() => {
        stream.resume();
        return ended;
      })
      .then(
        () => next(),
        (error) => archive.destroy(error),
      );
  });
  await pipeline(control.rest(), archive).catch((error) => {
    if (!(error instanceof Flood)) throw error;
    plan.giveUp();
  });
  return omitted;
}

import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { ProgramOutcome } from "#cells/provider";
import { type DisplayType, isBinary, type KernelDisplay, kernelReport } from "#core/contract/session/displays";
import type { Display, DisplayContent } from "#core/contract/session/result";
import { utf8Length } from "#core/text/bytes";
import type { ArtifactStore } from "#platform/store/artifact-store";
import { displayReference } from "#platform/store/references";
import type { KernelOutput } from "./session-parts.ts";

/** The maximum size of the displays in a result, in bytes of JSON. Others are only in the store. */
const maximumInlineBytes = 400 * 1024;

/** Stores content that is too large for the result, and returns its name in the store. */
export type KeepDisplay = (index: number, content: Buffer) => Promise<string>;

/** Keeps displays beside the streams of a program. */
export const displayKeeper =
  (store: ArtifactStore, key: string, attempt: number): KeepDisplay =>
  async (index, content) => {
    const reference = displayReference(key, attempt, index);
    await pipeline(Readable.from([content]), store.write(reference));
    return reference;
  };

const nothing = { status: null, error: null, displays: [], displaysOmitted: 0, call: null } as const;

/** The output of a kernel that has made no usable statement. */
export const withoutStatement = (notice: string): KernelOutput => ({ ...nothing, notice });

async function contentOf(
  type: DisplayType,
  text: string,
  isInline: (bytes: number) => boolean,
  keep: (content: Buffer) => Promise<string>,
): Promise<DisplayContent> {
  const encoding = isBinary(type) ? "base64" : "utf-8";
  const content = Buffer.from(text, isBinary(type) ? "base64" : "utf8");
  const about = { encoding, bytes: content.length } as const;
  if (isInline(utf8Length(JSON.stringify(text)))) return { ...about, data: text, ref: null };
  return { ...about, ref: await keep(content) };
}

/**
 * Checks what a kernel says of a call, and keeps what is too large for a result.
 *
 * @param said what the cell has of it; undefined if nothing was read
 */
export async function kernelOutput(said: ProgramOutcome["kernelResult"], keep: KeepDisplay): Promise<KernelOutput> {
  if (said === undefined) return nothing;
  if ("absent" in said) {
    return said.absent === "none" ? nothing : withoutStatement("what the kernel showed is too large to be read");
  }
  const report = kernelReport(said.text);
  if (report === undefined) return withoutStatement("what the kernel says of the call is not understood");
  let inline = 0;
  let kept = 0;
  const isInline = (bytes: number): boolean => {
    if (inline + bytes > maximumInlineBytes) return false;
    inline += bytes;
    return true;
  };
  const displays: Display[] = [];
  for (const display of report.displays) {
    const shown: Display = {};
    for (const [type, text] of Object.entries(display) as [DisplayType, KernelDisplay[DisplayType]][]) {
      if (text === undefined) continue;
      shown[type] = await contentOf(type, text, isInline, (content) => {
        kept += 1;
        return keep(kept - 1, content);
      });
    }
    displays.push(shown);
  }
  const { status, error, omitted, call } = report;
  return { status, error, displays, displaysOmitted: omitted, call };
}

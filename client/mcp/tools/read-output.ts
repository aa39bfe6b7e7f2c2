import { z } from "zod";
import { KgentsError } from "#core/contract/error";
import { fileNameField, strict, wholeNumber } from "#core/contract/fields";
import { maximumStreamBytes } from "#core/contract/result";
import { type OutputRange, type RangeRequest, readStreamRange } from "../../sdk/output/read-range.ts";
import type { Quartermaster } from "../../sdk/quartermaster.ts";
import { asText, encode } from "../../tools/excerpt.ts";
import { readOutputFile } from "../../tools/output-files.ts";
import { chooseMark, idInLine, inLine, markMeaning, quote } from "../../tools/quote.ts";
import { defineTool } from "../tool.ts";
import { cutBetweenCharacters } from "./cut.ts";
import { idField } from "./fields.ts";

const maximumLength = 64 * 1024;
/** All output files of a run together are at most this large. */
const maximumOffset = 4 * maximumStreamBytes;

/** Reads a piece of a run's output. */
export const readOutput = defineTool({
  name: "read_output",
  title: "Read output",
  description:
    "Reads a part of a run's output, by offset and length in bytes: stdout, stderr, or an output file. " +
    "Streams can be read while the program runs. The response has the offset at which to continue, and whether the end is reached.",
  input: strict(
    {
      id: idField(),
      source: z
        .enum(["stdout", "stderr"], { error: "stdout or stderr" })
        .default("stdout")
        .describe("The stream to read. Default: stdout."),
      file: fileNameField().optional().describe("The name of an output file to read instead of a stream."),
      offset: wholeNumber(0, maximumOffset).default(0).describe("Offset of the first byte to read. Default: 0."),
      length: wholeNumber(1, maximumLength)
        .default(16 * 1024)
        .describe("Maximum number of bytes: 1 to 65536. Default: 16384."),
    },
    "an object with the id of a run",
  ),
  output: z.strictObject({
    id: z.string(),
    source: z.string().describe("stdout, stderr, or the name of the file"),
    offset: z.int().min(0).describe("offset of the first byte of text"),
    text: z.string(),
    encoding: z.enum(["utf-8", "base64"]).describe("base64 if this part is not UTF-8"),
    nextOffset: z.int().min(0).describe("offset at which to continue"),
    totalBytes: z.int().min(0).describe("length of the stream or file in bytes, as written so far"),
    isEnd: z.boolean().describe("whether there is nothing after nextOffset, now or later"),
    omittedBytes: z.int().min(0).describe("number of bytes from offset to nextOffset that cannot be read"),
  }),
  annotations: { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false },
  call: async ({ id, source, file, offset, length }, { stack }) =>
    stack.use(async (quartermaster) => {
      const range =
        file === undefined
          ? await readStreamRange(await quartermaster.get(id), await quartermaster.store(), source, { offset, length })
          : await readFileRange(quartermaster, id, file, { offset, length });
      return answerOf(id, file ?? source, file === undefined, offset, range);
    }),
});

/** @throws KgentsError `not-found` if the run is not over or has no such file, `artifact-unavailable` */
async function readFileRange(
  quartermaster: Quartermaster,
  id: string,
  name: string,
  { offset, length }: RangeRequest,
): Promise<OutputRange> {
  const handle = await quartermaster.get(id);
  if ((await handle.describe()).status === "running") {
    throw new KgentsError(
      "not-found",
      `file: the run ${idInLine(id)} has not ended; its files are available when it ends`,
      {
        field: "file",
        remedy: "Wait for the end with get_execution and wait_seconds.",
      },
    );
  }
  const { files } = await handle.result();
  const file = files.find((candidate) => candidate.name === name);
  if (!file) {
    const known = files.map((other) => inLine(other.name)).join(", ") || "none";
    throw new KgentsError(
      "not-found",
      `file: the run ${idInLine(id)} returned no file ${inLine(name)}; its files are: ${known}`,
      {
        field: "file",
        remedy: "Use one of these names, or run the code again with `outputs` that match the file.",
      },
    );
  }
  const bytes = await readOutputFile(file, await quartermaster.store(), offset, offset + length);
  if (bytes) return { bytes, omitted: 0, total: file.bytes, isGrowing: false };
  throw new KgentsError(
    "artifact-unavailable",
    `file: the artifact store that has ${inLine(name)} is not available here`,
  );
}

/** Quotes the bytes below the line that describes them. */
function quoteBytes(tag: string, bytes: Uint8Array, isText: boolean): string {
  const text = asText(bytes);
  const mark = chooseMark([text]);
  const remark = isText ? "" : "It is not UTF-8: invalid bytes are replaced below.\n";
  return `\n${remark}${markMeaning(mark)}\n${quote(tag, text, mark)}`;
}

function answerOf(id: string, source: string, isStream: boolean, offset: number, range: OutputRange) {
  const { total, omitted, isGrowing } = range;
  const { bytes, skipped, isText } = cutBetweenCharacters(
    range.bytes,
    offset + range.bytes.length >= total && !isGrowing,
  );
  const from = offset + skipped;
  const nextOffset = from + bytes.length + omitted;
  const isEnd = !isGrowing && nextOffset >= total;
  const name = isStream ? source : `file ${inLine(source)}`;
  const size = `${total} bytes${isGrowing ? " so far" : ""}`;
  const found = (): string => {
    if (omitted > 0) return `${omitted} bytes from offset ${offset} cannot be read.`;
    return bytes.length === 0 ? `Nothing at offset ${offset}.` : `bytes ${from} to ${nextOffset - 1}.`;
  };
  const next = (): string => {
    if (isEnd) return "That is the end.";
    if (nextOffset < total) return `Continue at offset ${nextOffset}.`;
    return `The program is still running; later, continue at offset ${nextOffset}.`;
  };
  const quoted = omitted > 0 || bytes.length === 0 ? "" : quoteBytes(isStream ? source : "file", bytes, isText);
  return {
    structured: {
      id,
      source,
      nextOffset,
      isEnd,
      offset: from,
      text: encode(bytes, isText),
      encoding: isText ? ("utf-8" as const) : ("base64" as const),
      totalBytes: total,
      omittedBytes: omitted,
    },
    text: `${name} of run ${idInLine(id)} (${size}): ${found()} ${next()}${quoted}`,
  };
}

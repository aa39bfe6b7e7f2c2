/**
 * The tools for the files of a session.
 *
 * @module
 */
import { z } from "zod";
import { fileNameField, inlineContent, list, pathField, strict } from "#core/contract/fields";
import { listedSchema } from "#core/contract/session/result";
import { decodeUtf8 } from "#core/text/bytes";
import { encode } from "../../tools/excerpt.ts";
import { sessionField } from "../../tools/model-request.ts";
import { readOutputFile } from "../../tools/output-files.ts";
import { chooseMark, idInLine, inLine, markMeaning, quote } from "../../tools/quote.ts";
import { openStateOf, refuseForeign, sessionOf } from "../../tools/session-call.ts";
import { defineTool } from "../tool.ts";

const maximumInlineBytes = 2 * 1024 * 1024;
/** Maximum size of the content that one call returns, in bytes. */
const maximumReadBytes = 256 * 1024;
const filesRule = "1 to 64 files { name, content }";
const patternsRule = "1 to 64 globs relative to the work directory, without `..`";

const session = () => sessionField().describe("The name of a session, as given to run_code.");

/** Writes files into a session. */
export const writeFiles = defineTool({
  name: "write_files",
  title: "Write files of a session",
  description:
    "Writes files into the work directory of a session, over existing ones. Begins the session, of Python, if there is none; " +
    "for another language call run_code first.",
  input: strict(
    {
      session: session(),
      files: list(
        strict(
          {
            name: fileNameField().describe("Relative to the work directory."),
            content: inlineContent("content", maximumInlineBytes).describe('Text, or { "base64": "..." }.'),
          },
          filesRule,
        ),
        64,
        filesRule,
      )
        .min(1, { error: filesRule })
        .describe("The files."),
    },
    "an object with session and files",
  ),
  output: z.strictObject({ written: z.array(z.strictObject({ name: z.string(), bytes: z.int().min(0) })) }),
  annotations: { readOnlyHint: false, destructiveHint: true, idempotentHint: true, openWorldHint: false },
  call: async ({ session: id, files }, { stack, requester }) =>
    stack.use(async (quartermaster) => {
      await refuseForeign(quartermaster, id, requester);
      const session = await sessionOf(quartermaster, id, { requester });
      const isNew = (await openStateOf(session)) === undefined;
      const { written } = await session.files.write(files);
      const lines = written.map(({ name, bytes }) => `wrote ${inLine(name)} (${bytes} bytes)`);
      if (isNew) lines.push("A new session was started: it has no other files and no variables.");
      return { structured: { written }, text: lines.join("\n") };
    }),
});

/** Lists the files of a session. */
export const listFiles = defineTool({
  name: "list_files",
  title: "List files of a session",
  description: "Lists the files and folders in the work directory of a session: names, sizes in bytes, times.",
  input: strict({ session: session() }, "an object with the name of a session"),
  output: listedSchema.pick({ files: true, omitted: true }),
  annotations: { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false },
  call: async ({ session: id }, { stack, requester }) =>
    stack.use(async (quartermaster) => {
      await refuseForeign(quartermaster, id, requester);
      const { files, omitted } = await (await quartermaster.getSession(id)).files.list();
      const lines = files.map(({ name, type, bytes }) => `${inLine(name)} ${type} ${bytes}`);
      if (omitted > 0) lines.push(`${omitted} more are not listed`);
      return { structured: { files, omitted }, text: lines.join("\n") || "There are no files." };
    }),
});

/** Reads files of a session. */
export const readFiles = defineTool({
  name: "read_files",
  title: "Read files of a session",
  description:
    "Returns the content of files in the work directory of a session, by names or globs, at most 256 KiB together. " +
    "Read parts of larger files with run_code.",
  input: strict(
    {
      session: session(),
      patterns: list(pathField(patternsRule), 64, patternsRule)
        .min(1, { error: patternsRule })
        .describe('Names or globs, such as ["out/*.csv"].'),
    },
    "an object with session and patterns",
  ),
  output: z.strictObject({
    files: z.array(
      z.strictObject({
        name: z.string(),
        bytes: z.int().min(0),
        content: z.string().nullable().describe("null if it is too large to be returned"),
        encoding: z.enum(["utf-8", "base64"]),
      }),
    ),
    omitted: z.array(z.strictObject({ name: z.string(), reason: z.string() })),
  }),
  annotations: { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false },
  call: async ({ session: id, patterns }, { stack, requester }) =>
    stack.use(async (quartermaster) => {
      await refuseForeign(quartermaster, id, requester);
      const read = await (await quartermaster.getSession(id)).files.read(patterns);
      const store = await quartermaster.store();
      let room = maximumReadBytes;
      const files = [];
      for (const file of read.files) {
        const bytes = file.bytes <= room ? await readOutputFile(file, store, 0, file.bytes) : undefined;
        room -= bytes?.length ?? 0;
        const isText = bytes !== undefined && decodeUtf8(bytes) !== undefined;
        const content = bytes === undefined ? null : encode(bytes, isText);
        files.push({
          name: file.name,
          bytes: file.bytes,
          content,
          encoding: isText ? ("utf-8" as const) : ("base64" as const),
        });
      }
      const mark = chooseMark(files.map(({ content }) => content ?? ""));
      const texts = files.map(({ name, bytes, content, encoding }) => {
        const title = `file ${inLine(name)} (${bytes} bytes${encoding === "base64" && content !== null ? ", base64" : ""})`;
        return content === null
          ? `${title}: too large to be returned here`
          : `${title}\n${quote("file", content, mark)}`;
      });
      const left = read.filesOmitted.map(
        ({ name, reason }) => `file ${inLine(name)} is not returned: ${inLine(reason)}`,
      );
      const text = [`session ${idInLine(id)}`, markMeaning(mark), ...texts, ...left].join("\n");
      return { structured: { files, omitted: read.filesOmitted }, text };
    }),
});

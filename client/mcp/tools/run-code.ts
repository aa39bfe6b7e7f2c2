import type { CallToolResult } from "@modelcontextprotocol/server";
import type { ExecutionResult } from "#core/contract/result";
import { describeResult } from "../../tools/describe-result.ts";
import { runCodeDescription } from "../../tools/description.ts";
import { modelRequestSchema, requestOfModel } from "../../tools/model-request.ts";
import { type ShownFile, showFiles } from "../../tools/output-files.ts";
import { runToEnd } from "../../tools/run-to-end.ts";
import { structuredResult, toolResultSchema } from "../../tools/structured-result.ts";
import { defineTool } from "../tool.ts";
import { readingOn } from "./continuation.ts";

/** Runs code and waits for it. */
export const runCode = defineTool({
  name: "run_code",
  title: "Run code",
  description: `${runCodeDescription}\nFor a program that runs for more than a minute, use start_code.`,
  input: modelRequestSchema,
  output: toolResultSchema,
  // Nothing outside the cell is changed. With network access, though, a second call may have further effects.
  annotations: { readOnlyHint: false, destructiveHint: false, idempotentHint: false, openWorldHint: true },
  call: async (_input, { stack, signal, requester, onOutput }, given) =>
    stack.use(async (quartermaster) => {
      const request = requestOfModel(given, requester);
      const result = await runToEnd(quartermaster, request, { id: given.id, signal, onOutput });
      return answerOf(result, await showFiles(result, await quartermaster.store()));
    }),
});

/** The answer for a result, with its images and other files. */
export function answerOf(result: ExecutionResult, files: readonly ShownFile[]) {
  return {
    structured: structuredResult(result),
    text: describeResult(result, files, readingOn(result.id)),
    more: files.flatMap((file) => blockOf(result.id, file)),
  };
}

function blockOf(id: string, { file, content }: ShownFile): CallToolResult["content"] {
  if (content.kind === "image") {
    return [{ type: "image", data: Buffer.from(content.bytes).toString("base64"), mimeType: content.mediaType }];
  }
  if (content.kind !== "binary") return [];
  const name = file.name.split("/").map(encodeURIComponent).join("/");
  const uri = `kgents://runs/${encodeURIComponent(id)}/files/${name}`;
  const blob = Buffer.from(content.bytes).toString("base64");
  return [{ type: "resource", resource: { uri, mimeType: "application/octet-stream", blob } }];
}

import type { CallToolResult } from "@modelcontextprotocol/server";
import type { ExecutionResult } from "#core/contract/result";
import type { CallResult } from "#core/contract/session/result";
import type { ArtifactStore } from "#platform/store/artifact-store";
import { describeCall, describeResult } from "../../tools/describe-result.ts";
import { runCodeDescription } from "../../tools/description.ts";
import { modelCallSchema, requestOfModel } from "../../tools/model-request.ts";
import { type ShownFile, showFiles } from "../../tools/output-files.ts";
import { runToEnd } from "../../tools/run-to-end.ts";
import { refuseForeign, runInSession, showDisplays } from "../../tools/session-call.ts";
import { structuredCall, structuredResult, toolResultSchema } from "../../tools/structured-result.ts";
import { defineTool } from "../tool.ts";
import { readingOn } from "./continuation.ts";

/** Runs code and waits for it. */
export const runCode = defineTool({
  name: "run_code",
  title: "Run code",
  description: `${runCodeDescription}\nFor a program that runs for more than a minute, use start_code.`,
  input: modelCallSchema,
  output: toolResultSchema,
  // Nothing outside the cell is changed. With network access, though, a second call may have further effects.
  annotations: { readOnlyHint: false, destructiveHint: false, idempotentHint: false, openWorldHint: true },
  call: async (_input, { stack, signal, requester, onOutput }, given) =>
    stack.use(async (quartermaster) => {
      const request = requestOfModel(given, requester);
      if (given.session !== undefined) {
        await refuseForeign(quartermaster, given.session, requester);
        const call = await runInSession(quartermaster, given.session, request, signal);
        return answerOfCall(given.session, call, await quartermaster.store());
      }
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

/** The answer for a call of a session, with the pictures that it has shown and its other files. */
async function answerOfCall(session: string, result: CallResult, store: ArtifactStore | undefined) {
  const [files, shown] = await Promise.all([showFiles(result, store), showDisplays(result, store)]);
  const pictures = shown.pictures.map(({ base64: data, mediaType: mimeType }) => ({
    type: "image" as const,
    data,
    mimeType,
  }));
  return {
    structured: structuredCall(session, result, shown.texts),
    text: describeCall(session, result, files, shown),
    more: [...pictures, ...files.flatMap((file) => blockOf(session, file))],
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

import { Readable } from "node:stream";
import type { Content, ExecutionSpec } from "#core/contract/request";
import type { ArtifactStore } from "./artifact-store.ts";

/** Opens what the artifact store has. */
export type OpenBlob = ArtifactStore["openBlob"];

/** Opens content of a request, wherever it is kept. @throws whatever `openBlob` does */
export async function openContent(openBlob: OpenBlob, content: Content): Promise<Readable> {
  if (typeof content === "string") return Readable.from([Buffer.from(content)]);
  if ("base64" in content) return Readable.from([Buffer.from(content.base64, "base64")]);
  return openBlob(content.artifact, content.bytes);
}

/** The content of a request that the artifact store has, each by its SHA-256. */
export const storedContent = ({ code, stdin, files }: Pick<ExecutionSpec, "code" | "stdin" | "files">): string[] =>
  [code, stdin, ...files.map(({ content }) => content)].flatMap((content) =>
    typeof content === "object" && "artifact" in content ? [content.artifact] : [],
  );

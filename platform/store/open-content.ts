import { Readable } from "node:stream";
import type { Content, ExecutionSpec } from "#core/contract/request";
import type { ArtifactStore } from "./artifact-store.ts";

/** Opens content in the artifact store. */
export type OpenBlob = ArtifactStore["openBlob"];

/** Opens the content of a request: inline, or in the artifact store. @throws the error of `openBlob` */
export async function openContent(openBlob: OpenBlob, content: Content): Promise<Readable> {
  if (typeof content === "string") return Readable.from([Buffer.from(content)]);
  if ("base64" in content) return Readable.from([Buffer.from(content.base64, "base64")]);
  return openBlob(content.artifact, content.bytes);
}

/** The parts of a request that may be in the artifact store. */
export type StoredContent = Partial<Pick<ExecutionSpec, "code" | "stdin">> & {
  readonly files: readonly Pick<ExecutionSpec["files"][number], "content">[];
};

/** The parts of a request that are kept in the artifact store, each by its SHA-256. */
export const storedContent = ({ code, stdin, files }: StoredContent): string[] =>
  [code, stdin, ...files.map(({ content }) => content)].flatMap((content) =>
    typeof content === "object" && "artifact" in content ? [content.artifact] : [],
  );

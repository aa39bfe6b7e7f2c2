import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { Readable } from "node:stream";
import { errorCode } from "../activities/host/error-code.ts";
import type { ArtifactStore } from "../activities/store/artifact-store.ts";
import { KgentsError } from "../core/error.ts";
import { type Content, type ExecutionRequest, maximumContentBytes, maximumRequestBytes } from "../core/request.ts";

/** Content above this travels by the store where it can: it would stand in the history three times. */
const inlineBytes = 64 * 1024;

const sizeOf = (content: Content): number => {
  if (typeof content === "string") return Buffer.byteLength(content);
  return "base64" in content ? content.base64.length : 0;
};

async function offloadContent(content: Content, store: ArtifactStore): Promise<Content> {
  if (sizeOf(content) <= inlineBytes) return content;
  if (typeof content === "string") return store.putBlob(Readable.from([Buffer.from(content)]));
  return "base64" in content ? store.putBlob(Readable.from([Buffer.from(content.base64, "base64")])) : content;
}

/**
 * Moves large code, stdin and files into the artifact store.
 *
 * @param store the store that the workers of the queue use; undefined where it is out of reach
 * @throws KgentsError `invalid-request` where the request is larger than 1 MiB and no store can be reached
 */
export async function offloadRequest(
  request: ExecutionRequest,
  store: ArtifactStore | undefined,
): Promise<ExecutionRequest> {
  const { code, stdin, files } = request;
  const small =
    store === undefined
      ? request
      : {
          ...request,
          ...(code === undefined ? {} : { code: await offloadContent(code, store) }),
          ...(stdin === undefined ? {} : { stdin: await offloadContent(stdin, store) }),
          ...(files === undefined
            ? {}
            : {
                files: await Promise.all(
                  files.map(async (file) => ({ ...file, content: await offloadContent(file.content, store) })),
                ),
              }),
        };
  const bytes = Buffer.byteLength(JSON.stringify(small));
  if (bytes <= maximumRequestBytes) return small;
  throw new KgentsError(
    "invalid-request",
    `request: got ${bytes} bytes of JSON; allowed are ${maximumRequestBytes} where the workers' artifact store is out of reach`,
    {
      field: "request",
      remedy: "Share the artifact store with the worker (`artifacts.directory` or `artifacts.bucket`), or send less.",
    },
  );
}

/** Finds the store when it is needed, which may mean to start a server; undefined where it is out of reach. */
export type StoreFinder = () => Promise<ArtifactStore | undefined>;

/** What the system says of a path, in a person's words. */
const faults: Readonly<Record<string, string>> = {
  ENOENT: "there is no such file",
  EACCES: "it may not be read by this user",
  EISDIR: "it is a directory, not a file",
  ENOTDIR: "a part of the path is not a directory",
};

/**
 * Reads a local file as content of a request: by the store where it is large and the store is at hand.
 *
 * @throws KgentsError `invalid-request`, naming the field
 */
export async function fileContent(path: string, field: string, store: StoreFinder): Promise<Content> {
  const refuse = (what: string, cause?: unknown): KgentsError =>
    new KgentsError("invalid-request", `${field}: ${path}: ${what}`, { field, cause });
  try {
    const { size } = await stat(path);
    if (size > maximumContentBytes) throw refuse(`got ${size} bytes; allowed are ${maximumContentBytes}`);
    return await streamContent(createReadStream(path), store);
  } catch (error) {
    if (error instanceof KgentsError) throw error;
    const known = faults[errorCode(error) ?? ""];
    throw refuse(known ?? (error instanceof Error ? error.message : String(error)), error);
  }
}

/** Reads a stream as content: as text or base64 where it is small or no store is at hand. */
export async function streamContent(stream: Readable, findStore: StoreFinder): Promise<Content> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  let store: ArtifactStore | undefined;
  const iterator = stream[Symbol.asyncIterator]();
  for (let next = await iterator.next(); !next.done; next = await iterator.next()) {
    const chunk = Buffer.from(next.value);
    chunks.push(chunk);
    // The store is asked for once: when the content has turned out to be large.
    if (bytes <= inlineBytes && bytes + chunk.length > inlineBytes) store = await findStore();
    bytes += chunk.length;
    if (store) {
      return store.putBlob(
        Readable.from(
          (async function* () {
            yield* chunks;
            for (let rest = await iterator.next(); !rest.done; rest = await iterator.next()) yield rest.value;
          })(),
        ),
      );
    }
  }
  const all = Buffer.concat(chunks);
  const text = all.toString("utf8");
  return Buffer.from(text).equals(all) ? text : { base64: all.toString("base64") };
}

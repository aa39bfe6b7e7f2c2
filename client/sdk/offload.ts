import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { Readable } from "node:stream";
import { KgentsError } from "#core/contract/error";
import { type Content, type ExecutionRequest, maximumContentBytes, maximumRequestBytes } from "#core/contract/request";
import type { ArtifactStore } from "#platform/store/artifact-store";
import { faultOf } from "./input-files/fault.ts";

/** Content above this size goes through the store if possible. Inline it would be in the history three times. */
const inlineBytes = 64 * 1024;
/** The limit for requests that are still too large because they have many files. A reference is not much shorter. */
const fewestInlineBytes = 256;

const sizeOf = (content: Content): number => {
  if (typeof content === "string") return Buffer.byteLength(content);
  return "base64" in content ? content.base64.length : 0;
};

async function offloadContent<Given extends Content | undefined>(
  content: Given,
  store: ArtifactStore,
  most: number,
): Promise<Given | Content> {
  if (content === undefined || sizeOf(content) <= most) return content;
  if (typeof content === "string") return store.putBlob(Readable.from([Buffer.from(content)]));
  return "base64" in content ? store.putBlob(Readable.from([Buffer.from(content.base64, "base64")])) : content;
}

/** The fields of a request, or of a call of a session, that may be large. */
type Offloadable = Pick<ExecutionRequest, "code" | "stdin" | "files">;

/** Moves content above a size into the store. Sequential, because there may be many files. */
async function moveContents<Given extends Offloadable>(
  request: Given,
  store: ArtifactStore,
  most: number,
): Promise<Given & Offloadable> {
  const { code, stdin, files } = request;
  const moved: typeof files = [];
  for (const file of files ?? []) {
    moved.push({ ...file, content: await offloadContent(file.content, store, most) });
  }
  return {
    ...request,
    ...(code !== undefined && { code: await offloadContent(code, store, most) }),
    ...(stdin !== undefined && { stdin: await offloadContent(stdin, store, most) }),
    ...(files !== undefined && { files: moved }),
  };
}

const jsonBytes = (request: Offloadable): number => Buffer.byteLength(JSON.stringify(request));

/**
 * Moves large code, stdin and files into the artifact store.
 *
 * @param store the store that the queue's workers use; undefined if it is out of reach
 * @param contentBytes content above this size goes there
 * @throws KgentsError `invalid-request` if the request is larger than 1 MiB and no store can be reached
 */
export async function offloadRequest<Given extends Offloadable>(
  request: Given,
  store: ArtifactStore | undefined,
  contentBytes = inlineBytes,
): Promise<Given & Offloadable> {
  let small: Given & Offloadable = store ? await moveContents(request, store, contentBytes) : request;
  if (store && jsonBytes(small) > maximumRequestBytes) small = await moveContents(small, store, fewestInlineBytes);
  const bytes = jsonBytes(small);
  if (bytes <= maximumRequestBytes) return small;
  const why = store ? "without code, stdin and files" : "if the workers' artifact store is not available";
  throw new KgentsError(
    "invalid-request",
    `request: got ${bytes} bytes of JSON; allowed are ${maximumRequestBytes} ${why}`,
    {
      field: "request",
      remedy: `${store ? "Send" : "Share the artifact store with the worker (`artifacts` in the configuration), or send"} less.`,
    },
  );
}

/** Finds the store on demand, which may start a server; undefined if it is out of reach. */
export type StoreFinder = () => Promise<ArtifactStore | undefined>;

/**
 * Reads a local file as content of a request, through the store if it is large and the store can be reached.
 *
 * @param onFirst called with the first bytes
 * @throws KgentsError `invalid-request`, naming the field
 */
export async function fileContent(
  path: string,
  field: string,
  store: StoreFinder,
  onFirst?: (bytes: Buffer) => void,
): Promise<Content> {
  try {
    const { size } = await stat(path);
    if (size > maximumContentBytes) {
      const message = `${field}: ${path}: got ${size} bytes; allowed are ${maximumContentBytes}`;
      throw new KgentsError("invalid-request", message, { field });
    }
    return await streamContent(createReadStream(path), store, onFirst);
  } catch (error) {
    throw faultOf(error, path, field);
  }
}

/**
 * Reads a stream as content: inline as text or base64 if it is small or there is no store.
 *
 * @param onFirst called with the first bytes
 */
export async function streamContent(
  stream: Readable,
  findStore: StoreFinder,
  onFirst: (bytes: Buffer) => void = () => {},
): Promise<Content> {
  try {
    return await readContent(stream, findStore, onFirst);
  } finally {
    // The store may have read only a part of it.
    stream.destroy();
  }
}

async function readContent(
  stream: Readable,
  findStore: StoreFinder,
  onFirst: (bytes: Buffer) => void,
): Promise<Content> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  let store: ArtifactStore | undefined;
  const iterator = stream[Symbol.asyncIterator]();
  for (let next = await iterator.next(); !next.done; next = await iterator.next()) {
    const chunk = Buffer.from(next.value);
    if (chunks.length === 0) onFirst(chunk);
    chunks.push(chunk);
    // Ask for the store once, when the content exceeds the inline limit.
    if (bytes <= inlineBytes && bytes + chunk.length > inlineBytes) store = await findStore();
    bytes += chunk.length;
    if (store) {
      return await store.putBlob(
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

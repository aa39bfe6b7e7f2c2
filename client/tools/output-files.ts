import { buffer } from "node:stream/consumers";
import type { ExecutionResult, FileResult } from "#core/contract/result";
import { decodeUtf8 } from "#core/text/bytes";
import type { ArtifactStore } from "#platform/store/artifact-store";
import { keyOf } from "#platform/store/references";

/** Maximum size of a text file shown in a result, and of all of them together, in bytes. */
const maximumTextBytes = 8 * 1024;
const maximumTextBytesTogether = 32 * 1024;
/** Maximum size of all images and other binary files of one result, in bytes. Base64 adds a third. */
const maximumBinaryBytesTogether = 1024 * 1024;

/** An output file, with its content if that is small enough to be shown. */
export interface ShownFile {
  readonly file: FileResult;
  readonly content:
    | { readonly kind: "text"; readonly text: string }
    | { readonly kind: "image"; readonly bytes: Uint8Array; readonly mediaType: string }
    | { readonly kind: "binary"; readonly bytes: Uint8Array }
    | { readonly kind: "left-out"; readonly why: string };
}

const startsWith =
  (...bytes: readonly number[]) =>
  (content: Uint8Array): boolean =>
    bytes.every((byte, index) => content[index] === byte);

/** Image types that models can read, detected by their first bytes, since a file name proves nothing. */
const pictures: readonly [mediaType: string, isOfType: (content: Uint8Array) => boolean][] = [
  ["image/png", startsWith(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a)],
  ["image/jpeg", startsWith(0xff, 0xd8, 0xff)],
  ["image/gif", startsWith(0x47, 0x49, 0x46, 0x38)],
  [
    "image/webp",
    (content) => startsWith(0x52, 0x49, 0x46, 0x46)(content) && startsWith(0x57, 0x45, 0x42, 0x50)(content.subarray(8)),
  ],
];

/** The type of an image that models can read; undefined if the content is none. */
export const pictureTypeOf = (content: Uint8Array): string | undefined =>
  pictures.find(([, isOfType]) => isOfType(content))?.[0];

/** The bytes of an output file from an offset; undefined if the store is not available or lacks them. */
export async function readOutputFile(
  file: FileResult,
  store: ArtifactStore | undefined,
  offset: number,
  end: number,
): Promise<Uint8Array | undefined> {
  if (file.base64 !== undefined) return Buffer.from(file.base64, "base64").subarray(offset, end);
  if (!store || file.ref === null) return undefined;
  const sizes = await store.list(keyOf(file.ref));
  // An incomplete file cannot be read.
  if ((sizes.get(file.ref) ?? 0) < file.bytes) return undefined;
  return buffer(store.read(file.ref, offset, Math.min(end, file.bytes)));
}

/** Chooses the output files to show, in their order and within the limits. */
export async function showFiles(
  { files }: Pick<ExecutionResult, "files">,
  store: ArtifactStore | undefined,
): Promise<readonly ShownFile[]> {
  let text = 0;
  let binary = 0;
  const shown: ShownFile[] = [];
  for (const file of files) {
    const leftOut = (why: string): void => void shown.push({ file, content: { kind: "left-out", why } });
    if (binary + file.bytes > maximumBinaryBytesTogether) {
      leftOut("too large to show here");
      continue;
    }
    const bytes = await readOutputFile(file, store, 0, file.bytes);
    const decoded = bytes && decodeUtf8(bytes);
    const mediaType = bytes && pictureTypeOf(bytes);
    if (!bytes) leftOut("the artifact store that has it is not available here");
    else if (mediaType !== undefined) {
      binary += bytes.length;
      shown.push({ file, content: { kind: "image", bytes, mediaType } });
    } else if (decoded === undefined || decoded.includes("\0")) {
      binary += bytes.length;
      shown.push({ file, content: { kind: "binary", bytes } });
    } else if (bytes.length > maximumTextBytes || text + bytes.length > maximumTextBytesTogether) {
      leftOut("too long to show here");
    } else {
      text += bytes.length;
      shown.push({ file, content: { kind: "text", text: decoded } });
    }
  }
  return shown;
}

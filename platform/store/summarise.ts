import { createHash } from "node:crypto";
import type { ResultLimits } from "#core/contract/batch";
import type { StreamResult } from "#core/contract/result";
import {
  boundStreams,
  defaultStreamBudget,
  maximumSliceBytes,
  maximumWholeBytes,
  type StreamSample,
} from "#core/text/bounded-stream";
import type { ArtifactStore } from "./artifact-store.ts";
import { type StreamName, streamReference } from "./references.ts";

interface Read {
  readonly sample: StreamSample;
  readonly sha256: string;
  readonly ref: string | null;
}

/** Reads one stream once, for its hash and for the part that a result can hold. */
async function readStream(store: ArtifactStore, reference: string, bytes: number): Promise<Read> {
  const hash = createHash("sha256");
  const whole = bytes <= maximumWholeBytes;
  const headLength = whole ? bytes : maximumSliceBytes;
  const head: Buffer[] = [];
  const tail: Buffer[] = [];
  let offset = 0;
  for await (const chunk of store.read(reference, 0, bytes)) {
    const buffer: Buffer = chunk;
    hash.update(buffer);
    if (offset < headLength) head.push(buffer.subarray(0, headLength - offset));
    const fromTail = bytes - maximumSliceBytes - offset;
    if (!whole && fromTail < buffer.length) tail.push(buffer.subarray(Math.max(0, fromTail)));
    offset += buffer.length;
  }
  return {
    sample: { head: Buffer.concat(head), tail: Buffer.concat(tail), bytes },
    sha256: hash.digest("hex"),
    ref: bytes === 0 ? null : reference,
  };
}

/**
 * Summarises both streams of one attempt for the result.
 *
 * @param of the attempt and the limits of its result
 * @param otherBytes the size of the rest of the result, in bytes of JSON, beyond its usual few KiB
 */
export async function summariseStreams(
  store: ArtifactStore,
  key: string,
  { attempt, limits }: { readonly attempt: number; readonly limits?: ResultLimits | undefined },
  otherBytes = 0,
): Promise<{ stdout: StreamResult; stderr: StreamResult }> {
  const sizes = await store.list(key);
  const read = (stream: StreamName) => {
    const reference = streamReference(key, attempt, stream);
    return readStream(store, reference, sizes.get(reference) ?? 0);
  };
  const [stdout, stderr] = await Promise.all([read("stdout"), read("stderr")]);
  // The stream budget already leaves 100 KiB of the 1 MiB. Only the excess of files over that shortens the streams.
  const budget = Math.min(
    limits?.streamBytes ?? defaultStreamBudget,
    defaultStreamBudget - Math.max(0, otherBytes - 64 * 1024),
  );
  const bounded = boundStreams({ stdout: stdout.sample, stderr: stderr.sample }, budget);
  const complete = (name: StreamName, { sha256, ref }: Read): StreamResult => ({ ...bounded[name], sha256, ref });
  return { stdout: complete("stdout", stdout), stderr: complete("stderr", stderr) };
}

const sha256OfNothing = createHash("sha256").digest("hex");

const unreadable = (bytes: number): StreamResult => ({
  text: "",
  encoding: "utf-8",
  truncated: bytes > 0,
  bytes,
  sha256: sha256OfNothing,
  ref: null,
});

/** The result for streams that cannot be read from the store, with the numbers of bytes that were written. */
export const unreadableStreams = (stdout: number, stderr: number) => ({
  stdout: unreadable(stdout),
  stderr: unreadable(stderr),
});

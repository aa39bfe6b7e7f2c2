import type { Readable } from "node:stream";

const longest = 65_536;

/** Reads a stream to its end and returns the beginning of its text. */
export async function beginningOf(stream: Readable): Promise<string> {
  let text = "";
  try {
    for await (const chunk of stream) if (text.length < longest) text += String(chunk);
  } catch {
    // Keep the text that arrived before the stream broke.
  }
  return text;
}

import type { Readable } from "node:stream";

const longest = 65_536;

/** Reads a stream to its end and gives back the beginning of its text. */
export async function beginningOf(stream: Readable): Promise<string> {
  let text = "";
  try {
    for await (const chunk of stream) if (text.length < longest) text += String(chunk);
  } catch {
    // A stream that breaks has said what it had to say.
  }
  return text;
}

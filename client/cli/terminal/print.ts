/**
 * All that the command line writes goes through here. Only the code's own bytes are written as they are; everything else
 * passes {@link printable}, {@link paragraph} or {@link jsonText}, since names, labels and messages in it are others' words.
 *
 * @module
 */
import { jsonText, paragraph, printable } from "./terminal-text.ts";

/** The two streams of this process. */
export type StreamName = "stdout" | "stderr";

/**
 * Writes bytes as they are, and waits where the reader is slow.
 *
 * Where they cannot be written the promise stays open: `lost-output.ts` ends the process then, and nothing must go on as if they
 * had been.
 */
export const printBytes = (stream: StreamName, bytes: Uint8Array | string): Promise<void> =>
  new Promise((resolve) => {
    process[stream].write(bytes, (error) => {
      if (!error) resolve();
    });
  });

/** Writes text to stdout: nothing in it acts on the terminal but colours of ours. */
export const print = (text: string): Promise<void> => printBytes("stdout", printable(text));

/** Writes a value to stdout as JSON, and a line end. */
export const printJson = (value: unknown, indent?: number): Promise<void> =>
  printBytes("stdout", `${jsonText(value, indent)}\n`);

/** Writes words of kgents' own to stderr, whether or not it is to be quiet. */
export const complain = (text: string): void => void process.stderr.write(`kgents: ${paragraph(text)}\n`);

/** Waits until all that was written has gone. */
export async function flush(): Promise<void> {
  for (const stream of ["stdout", "stderr"] as const) await printBytes(stream, "");
}

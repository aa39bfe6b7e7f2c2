/**
 * All output of the command line. Only the code's own output is written unchanged. Everything else passes {@link
 * printable}, {@link paragraph} or {@link jsonText}, because it can contain untrusted names, labels and messages.
 *
 * @module
 */
import { jsonText, paragraph, printable } from "./terminal-text.ts";

/** The two streams of this process. */
export type StreamName = "stdout" | "stderr";

/**
 * Writes bytes unchanged, and waits for a slow reader.
 *
 * If they cannot be written, the promise never settles: `lost-output.ts` ends the process, and the command must not
 * continue as if they had been written.
 */
export const printBytes = (stream: StreamName, bytes: Uint8Array | string): Promise<void> =>
  new Promise((resolve) => {
    process[stream].write(bytes, (error) => {
      if (!error) resolve();
    });
  });

/** Writes text to stdout. Replaces control characters other than our own colours. */
export const print = (text: string): Promise<void> => printBytes("stdout", printable(text));

/** Writes a value to stdout as JSON, and a line end. */
export const printJson = (value: unknown, indent?: number): Promise<void> =>
  printBytes("stdout", `${jsonText(value, indent)}\n`);

/** Writes a message of kgents to stderr, even in quiet mode. */
export const complain = (text: string): void => void process.stderr.write(`kgents: ${paragraph(text)}\n`);

/** Waits until all output has been written. */
export async function flush(): Promise<void> {
  for (const stream of ["stdout", "stderr"] as const) await printBytes(stream, "");
}

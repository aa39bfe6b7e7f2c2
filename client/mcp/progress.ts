/**
 * Progress messages to a client while code runs. They carry the newest output, limited in size and rate. While there is
 * no output, a message says that the code still runs, because clients time out a silent request.
 *
 * @module
 */
import type { StreamName } from "#platform/store/references";
import type { OutputEvent } from "../sdk/output/event.ts";

/** Minimum time between two messages. */
const pauseMilliseconds = 250;
/** After this time without a message, one says that the code still runs. */
const silenceMilliseconds = 10_000;
/** Maximum length of a message in characters; the newest output is kept. */
const maximumCharacters = 2000;
const maximumLineCharacters = 500;

/** A message of a run's progress. */
export interface ProgressMessage {
  /** Seconds since the beginning; greater with every message. */
  readonly progress: number;
  readonly message: string;
}

/** Reports the progress of one run. */
export interface ProgressReporter {
  readonly output: (event: OutputEvent) => void;
  /** Ends it. Output that was not sent yet is in the result. */
  readonly end: () => void;
}

/** Everything that a terminal may treat as the end of a line. */
const lineEnd = /\r\n|[\r\n\v\f\u0085\u2028\u2029]/;

/**
 * The newest lines of output. Each is prefixed with the name of its stream, so it cannot be taken for a line of ours or
 * of the other stream.
 */
function createTail(): { add: (stream: StreamName, bytes: Uint8Array) => boolean; take: () => string } {
  const decoders = { stdout: new TextDecoder(), stderr: new TextDecoder() };
  /** Whether the last line of a stream has not ended yet. */
  const isOpen = { stdout: false, stderr: false };
  let lines: string[] = [];
  let length = 0;
  let leftOut = false;
  return {
    add: (stream, bytes) => {
      // Only the end of a large piece fits into the message.
      const text = decoders[stream].decode(bytes.subarray(-4 * maximumCharacters), { stream: true });
      const pieces = text.split(lineEnd);
      // A line end that completes a line sent before does not start a new line.
      if (isOpen[stream] && pieces.length > 1 && pieces[0] === "") pieces.shift();
      isOpen[stream] = pieces.at(-1) !== "";
      if (!isOpen[stream]) pieces.pop();
      for (const piece of pieces) {
        const line = `${stream}> ${piece.slice(-maximumLineCharacters)}`;
        lines.push(line);
        length += line.length;
      }
      while (length > maximumCharacters) {
        length -= lines.shift()?.length ?? 0;
        leftOut = true;
      }
      return lines.length > 0;
    },
    take: () => {
      const taken = [...(leftOut ? ["(earlier output is omitted)"] : []), ...lines].join("\n");
      lines = [];
      length = 0;
      leftOut = false;
      return taken;
    },
  };
}

/**
 * Starts to report the progress of a run.
 *
 * @param send sends one message; a rejection means that the client is gone, and ends the reports
 */
export function tellProgress(send: (message: ProgressMessage) => Promise<void>): ProgressReporter {
  const began = performance.now();
  const tail = createTail();
  let last = Number.NEGATIVE_INFINITY;
  let said = 0;
  let hasNews = false;
  let state: "silent" | "due" | "sending" | "ended" = "silent";
  let timer: NodeJS.Timeout | undefined;
  const end = (): void => {
    state = "ended";
    clearTimeout(timer);
  };
  const arm = (next: "silent" | "due", milliseconds: number): void => {
    state = next;
    clearTimeout(timer);
    timer = setTimeout(tell, milliseconds);
  };
  const tellNews = (): void => arm("due", Math.max(0, last + pauseMilliseconds - performance.now()));
  const tell = async (): Promise<void> => {
    state = "sending";
    hasNews = false;
    last = performance.now();
    // The protocol requires `progress` to increase with every message.
    said = Math.max(said + 0.001, (last - began) / 1000);
    const progress = Math.round(said * 1000) / 1000;
    try {
      await send({ progress, message: tail.take() || `running for ${Math.round(said)} s` });
    } catch {
      end();
    }
    if ((state as string) === "ended") return;
    if (hasNews) tellNews();
    else arm("silent", silenceMilliseconds);
  };
  arm("silent", silenceMilliseconds);
  return {
    output: (event) => {
      if (event.type !== "output" || state === "ended") return;
      // A line end alone, after a line that was already sent, needs no message. Python writes it separately.
      if (!tail.add(event.stream, event.bytes)) return;
      hasNews = true;
      if (state === "silent") tellNews();
    },
    end,
  };
}

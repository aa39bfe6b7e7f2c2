import { exitCodeOf, interruptedExitCode } from "#core/contract/command-exit-code";
import type { FileResult, StreamResult } from "#core/contract/result";
import { isBinary } from "#core/contract/session/displays";
import type { CallResult, Display, DisplayContent } from "#core/contract/session/result";
import type { ArtifactStore } from "#platform/store/artifact-store";
import { remainingOutput } from "../../sdk/output/event.ts";
import { writeOutputFiles } from "../exec/write-files.ts";
import { complain, print, printBytes, type StreamName } from "../terminal/print.ts";
import type { Reporter } from "../terminal/reporter.ts";

/** Prints a stream of a call, byte for byte: from the store if it is longer than the result holds. */
async function printStream(name: StreamName, stream: StreamResult, store: ArtifactStore | undefined): Promise<void> {
  if (stream.truncated && store && stream.ref !== null) {
    for await (const chunk of store.read(stream.ref, 0, stream.bytes)) await printBytes(name, chunk);
    return;
  }
  for (const event of remainingOutput(name, 0, stream)) {
    if (event.type === "output") await printBytes(name, event.bytes);
    else complain(`${event.length} bytes of ${name} are not available here`);
  }
}

const extensions: Readonly<Record<string, string>> = {
  "image/png": "png",
  "image/jpeg": "jpg",
  "image/svg+xml": "svg",
  "text/html": "html",
};

/** What of a display can be written to a file: pictures and pages. */
function filesOf(display: Display, name: string): FileResult[] {
  return Object.entries(extensions).flatMap(([type, extension]) => {
    const content = display[type as keyof Display];
    return content ? [fileOf(`${name}.${extension}`, type as keyof Display, content)] : [];
  });
}

function fileOf(name: string, type: keyof Display, { data, bytes, ref }: DisplayContent): FileResult {
  if (data === undefined) return { name, bytes, ref, sha256: "" };
  const base64 = isBinary(type) ? data : Buffer.from(data).toString("base64");
  return { name, bytes, ref, sha256: "", base64 };
}

/** Prints the text of what a call has shown. */
async function printDisplays({ displays, displaysOmitted }: CallResult): Promise<void> {
  for (const display of displays) {
    const text = display["text/plain"];
    if (text?.data !== undefined) await print(`${text.data}\n`);
    else if (text) complain(`a value of ${text.bytes} bytes is too long to be shown here`);
  }
  if (displaysOmitted > 0) complain(`${displaysOmitted} more values are not shown`);
}

/** Says what is special about a call. */
function explainCall(result: CallResult, reporter: Reporter): void {
  const { restored, reason, notices = [], kernel, call } = result;
  if (restored) {
    const files = restored.checkpoint ? `with the files of ${restored.checkpoint.at}` : "without files";
    reporter.say(`the session continues in another cell, ${files} and without its names: ${restored.reason}`);
  } else if (kernel === "new" && call > 1) {
    reporter.say("this is a new kernel: names of earlier calls are gone");
  }
  if (reason !== null) reporter.say(`${result.status}: ${reason}`);
  for (const notice of notices) reporter.say(notice);
}

/**
 * Prints the result of a call as `kgents exec` prints that of a run, and what it has shown. Pictures go to the directory
 * of output files.
 *
 * @returns the exit code
 */
export async function printCall(
  result: CallResult,
  store: ArtifactStore | undefined,
  outputDir: string | undefined,
  reporter: Reporter,
): Promise<number> {
  await printStream("stdout", result.stdout, store);
  await printStream("stderr", result.stderr, store);
  await printDisplays(result);
  const pictures = result.displays.flatMap((display, index) => filesOf(display, `call-${result.call}-${index + 1}`));
  const written = await writeOutputFiles(
    { files: [...result.files, ...pictures], filesOmitted: result.filesOmitted },
    outputDir,
    store,
    reporter.say,
  );
  explainCall(result, reporter);
  return exitCodeOfCall(result) || (written ? 0 : 125);
}

/** The exit code for a call: that of a run, and that of Ctrl-C if it was interrupted. */
export function exitCodeOfCall({ status, exitCode }: Pick<CallResult, "status" | "exitCode">): number {
  return status === "interrupted" ? interruptedExitCode : exitCodeOf({ status, exitCode });
}

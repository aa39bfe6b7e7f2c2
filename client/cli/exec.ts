import { once } from "node:events";
import type { Writable } from "node:stream";
import { stringify } from "yaml";
import { exitCodeOf } from "../../core/exit-code.ts";
import type { ExecutionResult } from "../../core/result.ts";
import type { ExecutionHandle } from "../execution-handle.ts";
import { Quartermaster } from "../quartermaster.ts";
import type { ExecFlags } from "./exec-command.ts";
import { requestOf } from "./exec-request.ts";
import { createVoice, reportError, type Voice } from "./voice.ts";
import { writeOutputFiles } from "./write-files.ts";

/** The exit code of a command that Ctrl-C ended: 128 + SIGINT. */
const interrupted = 130;
/** 128 + SIGPIPE: whoever read our output has gone. */
const brokenPipe = 141;

/** Carries out `kgents exec`. */
export async function exec(argument: string | undefined, flags: ExecFlags): Promise<number> {
  const json = flags.json === true;
  if (flags.dryRun) return dryRun(argument, flags);
  const voice = await createVoice(flags.quiet === true);
  const quartermaster = new Quartermaster({
    ...(flags.config === undefined ? {} : { configurationFile: flags.config }),
    onProgress: voice.progress,
  });
  let id: string | undefined;
  try {
    const store = await quartermaster.store();
    const request = await requestOf(argument, flags, store);
    const handle = await quartermaster.start(request, { id: flags.id });
    id = handle.id;
    voice.settled();
    if (handle.attached) voice.say(`attached to the run ${handle.id}`);
    if (flags.detach) {
      process.stdout.write(json ? `${JSON.stringify({ id: handle.id, runId: handle.runId })}\n` : `${handle.id}\n`);
      return 0;
    }
    const forget = cancelOnSignal(handle, voice);
    try {
      if (!json) await printOutput(handle, voice);
      const result = await handle.result();
      await writeOutputFiles(result, flags.outputDir ?? "kgents-output", store, voice.say);
      if (json) await write(process.stdout, `${JSON.stringify(result)}\n`);
      explain(result, voice);
      return exitCodeOf(result);
    } finally {
      forget();
    }
  } catch (error) {
    voice.settled();
    return reportError(error, { json, id });
  } finally {
    await quartermaster.close();
  }
}

async function dryRun(argument: string | undefined, flags: ExecFlags): Promise<number> {
  try {
    const quartermaster = new Quartermaster({
      mode: "dry-run",
      ...(flags.config === undefined ? {} : { configurationFile: flags.config }),
    });
    const { manifest } = await quartermaster.execute(await requestOf(argument, flags, undefined));
    const comment =
      "# The code is not in this manifest: it is delivered by one exec into the running cell, as are its files and stdin.\n";
    const text = flags.json
      ? `${JSON.stringify(manifest, null, 2)}\n`
      : `${comment}${stringify(manifest, { lineWidth: 0 })}`;
    await write(process.stdout, text);
    return 0;
  } catch (error) {
    return reportError(error, { json: false });
  }
}

/** Writes, and waits where the reader is slow. */
async function write(stream: Writable, bytes: Uint8Array | string): Promise<void> {
  if (!stream.write(bytes)) await once(stream, "drain");
}

/** Prints the code's output, live, each stream to its own. */
async function printOutput(handle: ExecutionHandle, voice: Voice): Promise<void> {
  const onBehind = (stream: string): void =>
    voice.say(`${stream} comes faster than it can be followed from here; the rest comes at the end`);
  process.stdout.once("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") throw error;
    // Nobody reads any more: as a program that SIGPIPE ends, but the run must not be left going.
    void handle.cancel().finally(() => process.exit(brokenPipe));
  });
  for await (const event of handle.output({ onBehind })) {
    if (event.type === "output") {
      voice.settled();
      await write(event.stream === "stdout" ? process.stdout : process.stderr, event.bytes);
    } else {
      voice.say(`${event.length} bytes of ${event.stream} are left out here: the artifact store is out of reach`);
    }
  }
}

/** The first Ctrl-C cancels the run and lets it clean up; the second leaves at once. */
function cancelOnSignal(handle: ExecutionHandle, voice: Voice): () => void {
  let asked = false;
  const onSignal = (): void => {
    if (asked) {
      process.stderr.write(`\nkgents: left at once; the cancellation of run ${handle.id} goes on without us\n`);
      process.exit(interrupted);
    }
    asked = true;
    voice.say("cancelling; once more leaves at once");
    handle.cancel().catch((error) => voice.say(`the run ${handle.id} could not be cancelled: ${error.message}`));
  };
  process.on("SIGINT", onSignal);
  process.on("SIGTERM", onSignal);
  return () => {
    process.off("SIGINT", onSignal);
    process.off("SIGTERM", onSignal);
  };
}

/** Says what the output alone does not show. */
function explain(result: ExecutionResult, voice: Voice): void {
  if (result.fallback) voice.say(`ran in the local sandbox, because ${result.fallback.reason}`);
  if (result.isolation?.level === "none") voice.say("ran WITHOUT a sandbox: this worker is configured so");
  if (result.status === "succeeded" || (result.status === "failed" && result.signal === null)) return;
  voice.say(`${result.status}${result.reason ? `: ${result.reason}` : ""} (run ${result.id})`);
}

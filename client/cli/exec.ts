import type { Writable } from "node:stream";
import { stringify } from "yaml";
import { exitCodeOf } from "../../core/exit-code.ts";
import type { ExecutionResult } from "../../core/result.ts";
import type { ExecutionHandle } from "../execution-handle.ts";
import { Quartermaster } from "../quartermaster.ts";
import { beforeBrokenPipe } from "./broken-pipe.ts";
import type { ExecFlags } from "./exec-command.ts";
import { requestOf } from "./exec-request.ts";
import { watchForInterruption } from "./interruption.ts";
import { createVoice, reportError, type Voice } from "./voice.ts";
import { writeOutputFiles } from "./write-files.ts";

/** Carries out `kgents exec`. */
export async function exec(argument: string | undefined, flags: ExecFlags): Promise<number> {
  const json = flags.json === true;
  const voice = await createVoice(flags.quiet === true);
  if (flags.dryRun) return dryRun(argument, flags, voice);
  const quartermaster = new Quartermaster({
    ...(flags.config === undefined ? {} : { configurationFile: flags.config }),
    onProgress: voice.progress,
  });
  const interruption = watchForInterruption(voice);
  let id: string | undefined;
  try {
    // What is wrong with the request is said before anything is started for it.
    const request = await requestOf(argument, flags, () => quartermaster.store(), voice);
    const store = await quartermaster.store();
    voice.settled();
    interruption.starting();
    const handle = await quartermaster.start(request, { id: flags.id });
    id = handle.id;
    interruption.started(handle);
    if (handle.attached) voice.say(`attached to the run ${handle.id}`);
    if (flags.detach) {
      process.stdout.write(json ? `${JSON.stringify({ id: handle.id, runId: handle.runId })}\n` : `${handle.id}\n`);
      return 0;
    }
    beforeBrokenPipe(() => handle.cancel());
    if (!json) await printOutput(handle, voice);
    const result = await handle.result();
    const written = await writeOutputFiles(result, flags.outputDir ?? "kgents-output", store, voice.say);
    if (json) await write(process.stdout, `${JSON.stringify(result)}\n`);
    explain(result, voice);
    return exitCodeOf(result) || (written ? 0 : 125);
  } catch (error) {
    voice.settled();
    return reportError(error, { json, id });
  } finally {
    interruption.over();
    await quartermaster.close();
  }
}

async function dryRun(argument: string | undefined, flags: ExecFlags, voice: Voice): Promise<number> {
  try {
    const quartermaster = new Quartermaster({
      mode: "dry-run",
      ...(flags.config === undefined ? {} : { configurationFile: flags.config }),
    });
    const { manifest } = await quartermaster.execute(await requestOf(argument, flags, async () => undefined, voice));
    const comment =
      "# The code is not in this manifest: it is delivered by one exec into the running cell, as are its files and stdin.\n";
    const text = flags.json
      ? `${JSON.stringify(manifest, null, 2)}\n`
      : `${comment}${stringify(manifest, { lineWidth: 0 })}`;
    await write(process.stdout, text);
    return 0;
  } catch (error) {
    return reportError(error, { json: flags.json === true });
  }
}

/** Writes, and waits where the reader is slow. What a reader's going away means is decided elsewhere. */
const write = (stream: Writable, bytes: Uint8Array | string): Promise<void> =>
  new Promise((resolve) => stream.write(bytes, () => resolve()));

/** Prints the code's output, live, each stream to its own. */
async function printOutput(handle: ExecutionHandle, voice: Voice): Promise<void> {
  const onBehind = (stream: string): void =>
    voice.say(`${stream} comes faster than it can be followed from here; the rest comes at the end`);
  for await (const event of handle.output({ onBehind })) {
    if (event.type === "output") await write(event.stream === "stdout" ? process.stdout : process.stderr, event.bytes);
    else voice.say(`${event.length} bytes of ${event.stream} are left out here: the artifact store is out of reach`);
  }
}

/** Says what the output alone does not show. */
function explain(result: ExecutionResult, voice: Voice): void {
  if (result.fallback) voice.say(`ran in the local sandbox, because ${result.fallback.reason}`);
  if (result.isolation?.level === "none") voice.say("ran WITHOUT a sandbox: this worker is configured so");
  if (result.status === "succeeded" || (result.status === "failed" && result.signal === null)) return;
  voice.say(`${result.status}${result.reason ? `: ${result.reason}` : ""} (run ${result.id})`);
}

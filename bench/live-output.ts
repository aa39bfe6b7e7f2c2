import type { ExecutionHandle } from "#client/index";
import type { ExecutionRequest } from "#core/contract/request";

/** Prints the time of writing; client and code share a clock. The pause lets the client attach first. */
const program = "import time\ntime.sleep(0.7)\nprint(repr(time.time()), flush=True)\ntime.sleep(0.7)";

/** The time from writing the first byte of output until a client receives it, in milliseconds. */
export async function firstByteDelay(start: (request: ExecutionRequest) => Promise<ExecutionHandle>): Promise<number> {
  const handle = await start({ code: program, cpu: "1" });
  let delay: number | undefined;
  for await (const event of handle.output()) {
    if (event.type !== "output" || delay !== undefined) continue;
    delay = Date.now() - Number(Buffer.from(event.bytes).toString("utf8")) * 1000;
  }
  if (delay === undefined) throw new Error(`no output came: ${(await handle.result()).reason}`);
  return delay;
}

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { expect, inject, it } from "vitest";
import { freePort, startDevServer } from "../support/dev-server.ts";
import { startTestWorker } from "../support/test-worker.ts";

it.each([
  ["for a moment", 500],
  // Longer than the heartbeat timeout: the server times out the attempt, and the next one finds the code running.
  ["for longer than a heartbeat may take", 13_000],
])(
  "kill -9 of the Temporal server while code runs, away %s: the run ends with its full result",
  async (_name, away) => {
    const directory = await mkdtemp(join(tmpdir(), "kgents-server-"));
    const port = await freePort();
    const file = join(directory, "temporal.db");
    const first = await startDevServer(inject("temporalBinary"), file, { port });
    const worker = await startTestWorker(first.address);
    const seconds = away / 1000 + 4;
    const code = `echo begun; for i in $(seq ${Math.ceil(seconds * 2)}); do echo $i; sleep 0.5; done; echo ended`;
    const handle = await worker.start({ code, language: "sh", timeout: 120, cpu: 1 });
    const output: string[] = [];
    const followed = (async () => {
      for await (const event of handle.output())
        if (event.type === "output") output.push(Buffer.from(event.bytes).toString());
    })();
    await expect.poll(() => output.length, { timeout: 50_000 }).toBeGreaterThan(1);
    await first.kill();
    await wait(away);
    const second = await startDevServer(inject("temporalBinary"), file, { port });
    const result = await handle.result();
    const lines = Array.from({ length: Math.ceil(seconds * 2) }, (_, i) => i + 1);
    expect(result).toMatchObject({ status: "succeeded", attempts: 1 });
    expect(result.stdout.text).toBe(`begun\n${lines.join("\n")}\nended\n`);
    await followed;
    expect(output.join("")).toBe(result.stdout.text);
    await worker[Symbol.asyncDispose]();
    await second.stop();
    await rm(directory, { recursive: true, force: true });
  },
  120_000,
);

import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { kgentsPaths } from "#platform/host/paths";
import { freePort } from "../test/support/dev-server.ts";
import { kgentsEntry } from "../test/support/worker-process.ts";
import { bareArguments } from "./peer/activities.ts";
import { inPairs, timed } from "./statistics.ts";

const run = promisify(execFile);

/** Measures the command line as a whole process: cold (everything installed, nothing running) and warm. */
export async function* measureCommandLine(binaries: { temporal: string; bubblewrap: string }): AsyncGenerator<string> {
  const directory = await mkdtemp(join(tmpdir(), "kgents-bench-"));
  const environment = {
    ...process.env,
    XDG_STATE_HOME: join(directory, "state"),
    XDG_CONFIG_HOME: join(directory, "config"),
    XDG_CACHE_HOME: join(kgentsPaths().cache, ".."),
    KGENTS_PORT: String(await freePort()),
    KGENTS_TEMPORAL_CLI: binaries.temporal,
  };
  const kgents = (...flags: string[]) => run(process.execPath, [kgentsEntry, ...flags], { env: environment });
  const hello = () => kgents("exec", "--code", "print('hello')");
  try {
    const starts: number[] = [];
    for (let round = 0; round < 3; round += 1) {
      starts.push(await timed(hello));
      await kgents("down");
    }
    yield `first start without download: ${starts.map((ms) => `${(ms / 1000).toFixed(2)} s`).join(", ")} (goal <= 3 s)`;
    await hello();
    const node = await inPairs(
      20,
      2,
      () => timed(hello),
      () => timed(() => run(process.execPath, ["-e", "0"])),
    );
    yield `warm \`kgents exec\`: ${node.ours.toFixed(0)} ms (goal <= 450), beside \`node -e 0\` ${node.peer.toFixed(0)} ms: ${node.ratio.toFixed(1)} x`;
    const bare = await inPairs(
      20,
      2,
      () => timed(hello),
      () => timed(() => run(binaries.bubblewrap, bareArguments(["/usr/bin/python3", "-c", "print('hello')"]))),
    );
    yield `beside bare \`bwrap ... python3\` ${bare.peer.toFixed(0)} ms: ${bare.ratio.toFixed(1)} x`;
  } finally {
    await kgents("down");
    await rm(directory, { recursive: true, force: true });
  }
}

/**
 * Makes the pictures of the documentation: a real stack, real runs, the real Temporal UI in headless Chromium.
 * `npm run docs:screenshots`, where `chromium` is on PATH.
 *
 * @module
 */
import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const run = promisify(execFile);
const here = (name: string): string => fileURLToPath(new URL(name, import.meta.url));
const entry = here("../../dist/client/cli/main.js");

const directory = await mkdtemp(join(tmpdir(), "kgents-pictures-"));
const environment = {
  ...process.env,
  XDG_STATE_HOME: join(directory, "state"),
  XDG_CONFIG_HOME: join(directory, "config"),
  KGENTS_PORT: process.env.KGENTS_PORT ?? "17733",
};

/** Runs kgents; what the code's exit code is does not matter here. */
const kgents = (...flags: string[]): Promise<string> =>
  run(process.execPath, [entry, ...flags], { env: environment }).then(
    ({ stdout }) => stdout,
    ({ stdout }: { stdout: string }) => stdout,
  );

async function picture(url: string, name: string, height: number): Promise<void> {
  await run("chromium", [
    ...["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--force-color-profile=srgb"],
    ...[`--user-data-dir=${join(directory, "chromium")}`, `--window-size=1400,${height}`],
    // The page loads its data after itself; this is the page's own time, not ours.
    ...["--virtual-time-budget=15000", `--screenshot=${here(name)}`, url],
  ]);
}

try {
  await kgents("exec", "--lang", "sh", "--code", "echo first; exit 3");
  await kgents("exec", "--timeout", "1", "--code", "print('too long', flush=True)\nimport time\ntime.sleep(60)");
  await kgents(
    "exec",
    "--lang",
    "typescript",
    "--cpu",
    "1",
    "--code",
    "const answer: number = 6 * 7;\nconsole.log(answer);",
  );
  await kgents("exec", "--memory", "32Mi", "--code", "x = bytearray(10**9)");
  const result = JSON.parse(await kgents("exec", "--json", "--cpu", "1", "--code", "print('hello')")) as {
    id: string;
    runId: string;
  };
  const status = JSON.parse(await kgents("status", "--json")) as { temporal: { uiUrl: string } };
  const runs = `${status.temporal.uiUrl}/namespaces/default/workflows`;
  await picture(runs, "runs.png", 700);
  await picture(`${runs}/${result.id}/${result.runId}/timeline`, "run.png", 1000);
  await picture(`${runs}/${result.id}/${result.runId}/user-metadata`, "details.png", 1000);
} finally {
  await kgents("down");
  await rm(directory, { recursive: true, force: true });
}

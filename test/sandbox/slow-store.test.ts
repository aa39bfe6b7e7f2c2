/**
 * A slow store only delays a run. A store that hangs, fails or loses bytes ends the run as `lost` in bounded time, and
 * its cell can be removed.
 */

import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Writable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { ExecuteOutput } from "#activities/contract";
import type { RunningCell } from "#activities/running-cells";
import { startProgram } from "#activities/start-program";
import type { CellProvider } from "#cells/provider";
import { createSubprocessProvider } from "#cells/subprocess/provider";
import { programOf, shapeOf } from "#core/contract/cell-shape";
import { builtInLanguages, findLanguage } from "#core/contract/language";
import { parseRequest } from "#core/contract/parse-request";
import type { ExecutionRequest } from "#core/contract/request";
import type { ArtifactStore } from "#platform/store/artifact-store";
import { type DirectoryStore, openDirectoryStore } from "#platform/store/directory-store";
import { runKey } from "#platform/store/references";
import { testBubblewrap } from "./helpers/tools.ts";

type Write = (chunk: Buffer, pass: () => void, callback: (error?: Error | null) => void, index: number) => void;

/** A real store whose writes pass through a function that can delay them. */
const through = (store: ArtifactStore, write: Write): ArtifactStore => ({
  ...store,
  write: (reference, offset) => {
    const target = store.write(reference, offset);
    let index = 0;
    return new Writable({
      write: (chunk: Buffer, _encoding, callback) =>
        write(chunk, () => void target.write(chunk, callback), callback, index++),
      final: (callback) => void target.end(callback),
    });
  },
});

const never = new Promise<never>(() => {});
const hang: Write = () => {};

let home: string;
let store: DirectoryStore;
let provider: CellProvider;
let cells = 0;

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), "kgents-slow-store-"));
  store = await openDirectoryStore(join(home, "store"));
  const bubblewrap = await testBubblewrap();
  provider = createSubprocessProvider({
    ...{ stateDirectory: join(home, "cells"), cacheDirectory: home, installTools: false, log: () => {} },
    findBubblewrap: () => Promise.resolve(bubblewrap),
  });
});
afterAll(async () => {
  await provider.close();
  await rm(home, { recursive: true, force: true });
});

/** Starts code like the worker. */
async function start(
  request: ExecutionRequest,
  kept: ArtifactStore,
  more: { readonly collectionMilliseconds?: number; readonly provider?: CellProvider } = {},
): Promise<{ cellId: string; cell: RunningCell }> {
  const cellId = `slow-${process.pid}-${cells++}`;
  const spec = parseRequest({ cpu: 1, ...request });
  const language = findLanguage(builtInLanguages, spec.language);
  const plan = { cellId, shape: shapeOf(spec, language), owner: { workflowId: cellId, runId: cellId } };
  await provider.acquire(plan);
  const output = { key: runKey(cellId, cellId), attempt: 1, stored: { stdout: 0, stderr: 0 }, live: false, ...more };
  return { cellId, cell: startProgram(kept, more.provider ?? provider, plan, programOf(spec, language), output) };
}

async function run(...args: Parameters<typeof start>): Promise<ExecuteOutput> {
  const { cellId, cell } = await start(...args);
  const output = await cell.outcome;
  await provider.remove(cellId);
  return output;
}

describe("a store whose writes take 2.5 s at the end of a run", () => {
  const slow: Write = (_chunk, pass) => void setTimeout(pass, 2500);
  // One piece in the pipe, one in the stream, one on its way to the store: pieces that used to be lost, or never ended.
  test.concurrent.each([10, 70_000, 180_000])("%i bytes all arrive", async (bytes) => {
    const code = `import os\nos.write(1, b"x" * ${bytes})`;
    const output = await run(
      { code },
      through(store, (chunk, pass, done, index) => (index < 1 ? slow : pass)(chunk, pass, done, index)),
    );
    expect(output).toMatchObject({ status: "succeeded", stdout: { bytes, truncated: false } });
  });
});

const writes = 'import sys\nprint("x" * 90000)\nprint("y", file=sys.stderr)';

test.each<readonly [string, ExecutionRequest, (store: ArtifactStore) => ArtifactStore, RegExp]>([
  ["takes nothing", { code: writes }, (kept) => through(kept, hang), /could not be stored|longer than 500 ms/],
  [
    "never ends a stream",
    { code: "print(1)" },
    (kept) => ({
      ...kept,
      write: () => new Writable({ write: (_chunk, _encoding, done) => done(), final: () => {} }),
    }),
    /could not be stored/,
  ],
  [
    "fails",
    { code: writes },
    (kept) => through(kept, (_chunk, _pass, done) => done(new Error("ENOSPC"))),
    /could not be stored: ENOSPC/,
  ],
  [
    "loses bytes",
    { code: writes },
    (kept) => through(kept, (_chunk, pass, done, index) => (index === 1 ? done() : pass())),
    /not complete: of \d+ bytes of stdout, the store has \d+/,
  ],
  [
    "cannot be listed",
    { code: writes },
    (kept) => ({ ...kept, list: async () => Promise.reject(new Error("EIO")) }),
    /EIO/,
  ],
  [
    "does not take output files",
    { code: "open('a', 'w').write('x' * 200000)", outputs: ["a"] },
    (kept) => ({
      ...kept,
      write: (name, offset) => (name.includes("file") ? through(kept, hang) : kept).write(name, offset),
    }),
    /longer than 500 ms/,
  ],
])("a store that %s: the run is lost, and says why", async (_name, request, broken, reason) => {
  const output = await run(request, broken(store), { collectionMilliseconds: 500 });
  expect(output.status).toBe("lost");
  expect(output.reason).toMatch(reason);
});

test("a store that hangs while the code runs does not keep a cancelled run", async () => {
  const { cellId, cell } = await start({ code: `${writes}\nimport time\ntime.sleep(60)` }, through(store, hang), {
    collectionMilliseconds: 300,
  });
  const begun = new Promise<void>((resolve) => cell.onOutput(resolve));
  await begun;
  cell.stop("cancelled", "the run was cancelled");
  expect(await cell.outcome).toMatchObject({ status: "lost", reason: expect.stringContaining("could not be stored") });
  await provider.remove(cellId);
});

test("content that is never read ends at the start-up limit, and the code never starts", async () => {
  const stuck: ArtifactStore = { ...store, openBlob: () => never };
  const request = { files: [{ name: "a.py", content: { artifact: "0".repeat(64), bytes: 9 } }], entrypoint: "a.py" };
  const { cellId, cell } = await start({ ...request, startupTimeout: 1 }, stuck, { collectionMilliseconds: 300 });
  await expect(cell.outcome).rejects.toMatchObject({ code: "cell-start" });
  await provider.remove(cellId);
});

test("a provider that never answers", async () => {
  const silent: CellProvider = {
    ...provider,
    run: (_cell, _n, _program, context) => {
      context.started();
      context.ended();
      return never;
    },
  };
  const { cell, cellId } = await start({ code: "1" }, store, { provider: silent, collectionMilliseconds: 100 });
  expect(await cell.outcome).toMatchObject({ status: "lost", reason: expect.stringContaining("longer than") });
  await provider.remove(cellId);
});

test("nothing is left of any of them", async () => {
  const left = (await readdir(join(home, "cells"))).filter((name) => !name.startsWith("."));
  expect(left).toEqual([]);
  await provider.close();
  await sleep(0);
  expect(await readdir(join(home, "cells", ".launchers"))).toEqual([]);
});

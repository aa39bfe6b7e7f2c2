/** The output of a program whose pipe other processes hold open after its end. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { constants, mkdtempSync, openSync, rmSync } from "node:fs";
import { Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Writable } from "node:stream";
import { setTimeout as wait } from "node:timers/promises";
import { afterEach, expect, test } from "vitest";
import { copyUntilEmpty } from "#cells/subprocess/lasting/copy-until-empty";

const mebibyte = 1024 * 1024;
const undo: (() => void)[] = [];
afterEach(() => {
  for (const act of undo.splice(0)) act();
});

/** A pipe with a name, read by us and written by a shell script. */
function pipeFrom(script: string): { readonly source: Socket; readonly writer: ChildProcess } {
  const directory = mkdtempSync(join(tmpdir(), "kgents-copy-"));
  const path = join(directory, "pipe");
  execFileSync("mkfifo", [path]);
  const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  const writer = spawn("sh", ["-c", `exec >"$1"; ${script}`, "sh", path], { stdio: ["ignore", "ignore", "pipe"] });
  const source = new Socket({ fd, readable: true, writable: false });
  undo.push(() => {
    writer.kill("SIGKILL");
    source.destroy();
    rmSync(directory, { recursive: true, force: true });
  });
  return { source, writer };
}

/** Counts what it takes, each chunk after some milliseconds. */
function counting(milliseconds = 0): { readonly target: Writable; readonly bytes: () => number } {
  let bytes = 0;
  const write = (chunk: Buffer, _encoding: string, done: () => void): void => {
    bytes += chunk.length;
    if (milliseconds === 0) done();
    else setTimeout(done, milliseconds);
  };
  return { target: new Writable({ write }), bytes: () => bytes };
}

test("the copy ends beside a writer that never pauses, which is slowed down afterwards", async () => {
  const { source } = pipeFrom("exec yes");
  const { target, bytes } = counting();
  const copy = copyUntilEmpty(source, target);
  await once(source, "data");
  const before = bytes();
  copy.endWhenQuiet();
  await copy.ended;
  expect(copy.bytes()).toBe(bytes());
  expect(bytes() - before).toBeLessThan(2 * mebibyte);
  const read = source.bytesRead;
  await wait(1000);
  expect(source.bytesRead).toBeGreaterThan(read);
  expect(source.bytesRead - read).toBeLessThan(4 * mebibyte);
  expect(copy.bytes()).toBe(bytes());
});

test("all that a program has written before its end is copied, also to a slow store", async () => {
  const { source, writer } = pipeFrom("head -c 60000 /dev/zero; echo done >&2; exec sleep 600");
  if (writer.stderr === null) throw new Error("no standard error");
  await once(writer.stderr, "data");
  const { target, bytes } = counting(50);
  const copy = copyUntilEmpty(source, target);
  copy.endWhenQuiet();
  await copy.ended;
  expect(bytes()).toBe(60_000);
});

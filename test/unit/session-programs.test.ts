/** The scripts that a session runs in its cell. */
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { checkpointExits, checkpointProgram, restoreProgram } from "#core/contract/session/programs";

let directory: string;
let work: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "kgents-checkpoint-"));
  work = join(directory, "work");
  mkdirSync(work);
  mkdirSync(join(directory, "tmp"));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

/** Runs a script in the work directory. */
function run(script: string | undefined, input?: Buffer) {
  const env = { PATH: process.env.PATH, TMPDIR: join(directory, "tmp") };
  return spawnSync("sh", ["-c", script ?? "exit 99", "sh"], { cwd: work, env, ...(input && { input }) });
}

const checkpoint = () => run(checkpointProgram("changed").script);

test("a checkpoint is made of every change, also of one that leaves a file's time as it was", () => {
  writeFileSync(join(work, "a"), "one");
  writeFileSync(join(directory, "other"), "two");
  run(`touch -d '2020-01-01' a '${directory}/other'`);
  expect(checkpoint()).toMatchObject({ status: 0, stderr: Buffer.alloc(0) });
  expect(checkpoint()).toMatchObject({ status: checkpointExits.unchanged });
  // The same size, the same time, in a directory that does not change.
  run(`cp -p '${directory}/other' a`);
  const changed = checkpoint();
  expect(changed.status).toBe(0);
  expect(changed.stdout.toString("latin1")).toContain("two");
  expect(checkpoint().status).toBe(checkpointExits.unchanged);
  run("rm a");
  expect(checkpoint().status).toBe(0);
});

test("the files of a checkpoint are no change where they are restored", () => {
  writeFileSync(join(work, "a"), "one");
  const archive = run(checkpointProgram("always").script);
  expect(archive.status).toBe(0);
  run(`rm a; rm "$TMPDIR"/.k*`);
  const restored = run(restoreProgram({ sha256: "", bytes: 0 }).script, archive.stdout);
  expect(restored).toMatchObject({ status: 0, stderr: Buffer.alloc(0) });
  expect(checkpoint().status).toBe(checkpointExits.unchanged);
  run("echo two >a");
  expect(checkpoint().stdout.toString("latin1")).toContain("two");
  expect(run(restoreProgram({ sha256: "", bytes: 0 }).script, Buffer.from("no archive")).status).not.toBe(0);
});

test("where the state of the files cannot be told, a checkpoint is made", () => {
  writeFileSync(join(work, "a"), "one");
  const script = `stat() { return 1; }\nfind() { return 1; }\n${checkpointProgram("changed").script}`;
  expect(run(script).status).toBe(0);
  expect(run(script).status).toBe(0);
});

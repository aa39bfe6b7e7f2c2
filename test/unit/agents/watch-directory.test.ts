/** A watched directory: the ways in which editors save, and many saves at once. */
import { appendFileSync, renameSync, unlinkSync, writeFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { afterEach, beforeEach, expect, test } from "vitest";
import { quietChanges } from "#client/agents/specs/watch-directory";

let directory: string;
let file: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "kgents-watch-"));
  file = join(directory, "b-gent.md");
  await writeFile(file, "first\n");
});
afterEach(() => rm(directory, { recursive: true, force: true }));

/** Counts the changes that are seen while something is done, and until nothing more comes. */
async function changesDuring(act: () => void): Promise<number> {
  const controller = new AbortController();
  let seen = 0;
  const watching = (async () => {
    for await (const _ of quietChanges(directory, controller.signal)) seen += 1;
  })().catch((error) => {
    if (!controller.signal.aborted) throw error;
  });
  act();
  await expect.poll(() => seen).toBeGreaterThan(0);
  // What is proved is that no second change follows, which takes as long as one would need.
  await pause(600);
  controller.abort();
  await watching;
  return seen;
}

// The steps of one save follow each other without a pause, however loaded the machine is.
test.each<[string, () => void]>([
  ["in place, as VS Code and nano save", () => writeFileSync(file, "second\n")],
  [
    "with a backup, as vim saves",
    () => {
      writeFileSync(join(directory, "4913"), "");
      unlinkSync(join(directory, "4913"));
      renameSync(file, `${file}~`);
      writeFileSync(file, "second\n");
      unlinkSync(`${file}~`);
    },
  ],
  [
    "by a new file of the same name, as JetBrains and sed -i save",
    () => {
      writeFileSync(`${file}.tmp`, "second\n");
      renameSync(`${file}.tmp`, file);
    },
  ],
  ["a file is removed", () => unlinkSync(file)],
  [
    "50 saves",
    () => {
      for (let save = 0; save < 50; save++) appendFileSync(file, `${save}\n`);
    },
  ],
])("%s: one change", async (_, act) => expect(await changesDuring(act)).toBe(1));

test("a later change is seen, too, and the end of the watch", async () => {
  const controller = new AbortController();
  const changes = quietChanges(directory, controller.signal);
  for (const text of ["second", "third"]) {
    const next = changes.next();
    await writeFile(file, text);
    expect(await next).toMatchObject({ done: false });
  }
  const last = changes.next();
  controller.abort(new Error("enough"));
  await expect(last).rejects.toThrow("enough");
});

test("a directory that is not there", async () => {
  const signal = new AbortController().signal;
  await expect(quietChanges(join(directory, "none"), signal).next()).rejects.toThrow(/ENOENT/);
});

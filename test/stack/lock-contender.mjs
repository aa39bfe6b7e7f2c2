// A process that competes for a lock: increments a counter in a file under it, or takes a slot and keeps it.
import { readFile, writeFile } from "node:fs/promises";
import { acquireLock, claimSlot } from "../../platform/host/process-lock.ts";

const [what, path, ...rest] = process.argv.slice(2);
if (what === "count") {
  const [counter, rounds] = rest;
  for (let round = 0; round < Number(rounds); round += 1) {
    const lock = await acquireLock(path, { waitMilliseconds: 60_000 });
    const count = Number(await readFile(counter, "utf8"));
    await writeFile(counter, String(count + 1));
    await lock.release();
  }
} else {
  const { slot } = await claimSlot(path);
  process.stdout.write(`${slot}\n`);
  setInterval(() => {}, 1 << 30);
}
